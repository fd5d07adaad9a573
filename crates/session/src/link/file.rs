//! A link in a file, and in any other text.

/// The name of the file in which the page saves a link.
pub const FILE: &str = "cr3-link.txt";

/// Characters after `#` up to which a link is one for a mail. What is longer is offered as a file.
pub const LONG: usize = 8000;

/// What a file holds so that the page and the terminal open it.
#[must_use]
pub fn file(link: &str) -> String {
    format!("CR3 playground: drop this file on the page, or give it to `cr3play report`.\n#{link}\n")
}

/// The first link in a text, without `#`: in a file, a mail, a report, an exported page.
#[must_use]
pub fn find(text: &str) -> Option<String> {
    let text = text.trim_start();
    let start = match text.starts_with("v=") {
        true => 0,
        false => text.find("#v=")? + 1,
    };
    let (before, link) = text.split_at_checked(start)?;
    // `<` begins an address in a mail, and ends with `>`. In a link of its own, `>` nests an injection.
    let is_marked = before.rsplit(char::is_whitespace).next().is_some_and(|word| word.contains('<'));
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '`') || (is_marked && c == '>');
    let link = link.split(ends).next()?;
    Some(link.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(find(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn a_link_is_found_wherever_it_stands() {
        check("v=1&a=A", Some("v=1&a=A"));
        check("  v=1&a=A\n", Some("v=1&a=A"));
        check("#v=1&a=A", Some("v=1&a=A"));
        check("see <https://example.org/x/#v=2&s=kernel_loop%2B1:nmi>, which", Some("v=2&s=kernel_loop%2B1:nmi"));
        check("<a href=\"#v=2&amp;a=A&amp;b=E\">", Some("v=2&a=A&b=E"));
        check(&file("v=1&a=A&s="), Some("v=1&a=A&s="));
        check("v=1&s=a:nmi>b:mc,c:db", Some("v=1&s=a:nmi>b:mc,c:db"));
        check("see https://example.org/#v=1&s=a:nmi>b:mc", Some("v=1&s=a:nmi>b:mc"));
        check("x <https://example.org/#v=1&s=a:nmi>, y", Some("v=1&s=a:nmi"));
        check("<a\nhref=\"#v=1&s=a:nmi>b:mc\">", Some("v=1&s=a:nmi>b:mc"));
        check(&file("v=1&s=a:nmi>b:mc"), Some("v=1&s=a:nmi>b:mc"));
        check("no link #here", None);
        check("", None);
    }
}
