//! What a browser lets the page do: the Content-Security-Policy, in the document and for hosts that send headers.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::project::Project;
use crate::steps::{ask, cannot_start};

/// Prints `'sha256-…'` of a document's style sheet. Node has the hash built in.
const HASH: &str = include_str!("style_hash.mjs");

/// Nothing from elsewhere, no script in the document, no code from text; WebAssembly and the one style sheet in the document.
/// Yew places rows by their attribute `style`.
fn policy(style: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; \
         style-src {style}; style-src-attr 'unsafe-inline'; font-src 'self'; img-src 'self'; manifest-src 'self'; \
         base-uri 'self'; form-action 'none'"
    )
}

/// In the form of Netlify and Cloudflare. Workers obey what their own answer says, so it is for every file.
fn headers(policy: &str) -> String {
    format!(
        "/*\n  Content-Security-Policy: {policy}\n  X-Content-Type-Options: nosniff\n  Referrer-Policy: no-referrer\n"
    )
}

/// Writes the page with its policy, and the headers beside it. Returns the page.
pub(crate) fn complete(project: &Project, stage: &Path, html: &str) -> Result<String, Failure> {
    let page = stage.join("index.html");
    let write = |path: &Path, text: &str| fs::write(path, text).map_err(|error| Failure::io(path, &error));
    let html = with_one_sheet(html);
    write(&page, &html)?;
    let mut node = project.command("node");
    node.args(["--input-type=module", "--eval", HASH, "--"]).arg(&page);
    let hash = ask(&mut node)
        .filter(|hash| hash.starts_with("'sha256-"))
        .ok_or_else(|| cannot_start(&node, &std::io::Error::other("index.html has not one style sheet")))?;
    let policy = policy(hash.trim());
    let html = with_policy(&html, &policy).ok_or_else(|| {
        Failure::new("index.html has no <meta charset> to put the policy after", "git checkout index.html")
    })?;
    write(&page, &html)?;
    write(&stage.join("_headers"), &headers(&policy))?;
    Ok(html)
}

/// Trunk makes an element of each style sheet; between two of them is nothing but space.
fn with_one_sheet(html: &str) -> String {
    let mut joined = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once("</style>") {
        joined += before;
        match after.trim_start().strip_prefix("<style>") {
            Some(next) => rest = next,
            None => {
                joined += "</style>";
                rest = after;
            }
        }
    }
    joined + rest
}

/// A policy holds for what comes after it, so it comes first.
fn with_policy(html: &str, policy: &str) -> Option<String> {
    const CHARSET: &str = "<meta charset=\"utf-8\" />";
    let (before, after) = html.split_once(CHARSET)?;
    Some(format!("{before}{CHARSET}\n    <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\" />{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheets_become_one() {
        let check = |html, expected| assert_eq!(with_one_sheet(html), expected, "{html}");
        check("<style>a\n</style>\n    <style>b\n</style>\n <link>", "<style>a\nb\n</style>\n <link>");
        check("<style>a</style><p><style>b</style>", "<style>a</style><p><style>b</style>");
        check("<p>", "<p>");
    }

    #[test]
    fn the_policy_stands_before_what_it_is_about() {
        let html = with_policy("<head><meta charset=\"utf-8\" /><script></script>", "default-src 'none'");
        let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\" />";
        assert_eq!(html, Some(format!("<head><meta charset=\"utf-8\" />\n    {policy}<script></script>")));
        assert_eq!(with_policy("<head>", ""), None);
    }

    #[test]
    fn the_policy_names_no_other_origin() {
        let policy = policy("'sha256-x'");
        assert!(!policy.contains("://") && !policy.contains('*') && !policy.contains('"'), "{policy}");
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
        assert_eq!(headers("p").lines().nth(1), Some("  Content-Security-Policy: p"));
    }
}
