//! How heavy the page may be: the only place that says so. `cargo xtask test` compares the release build with it.

use crate::failure::Failure;
use crate::parts;
use crate::project::Project;
use crate::weight::{self, File, Weight};

/// When a part of the page is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Before it draws: the first part of the module, what it opens with, its JavaScript, styles, the document.
    Page,
    /// Once it has drawn: the rest of the module.
    Rest,
    /// While the page is already drawn.
    Fonts,
    /// Once it has drawn: the workers' module, with the assembler, the explorer and the checker.
    Worker,
    /// When a person opens it, or once the page has drawn: the texts about limits and terms.
    Texts,
    /// When a person opens the editor.
    Editor,
    /// When a person asks for the check: the second CPU, and texts that are not needed to run it.
    Unicorn,
    /// When the browser keeps the page: what makes it installable and of use without a network.
    Kept,
}

/// The limit for each part, in bytes with gzip -9.
const BUDGETS: [(Part, &str, u64); 8] = [
    (Part::Page, "before the page draws", 420_000),
    (Part::Rest, "for the rest of the module", 176_000),
    (Part::Fonts, "fonts", 18_000),
    (Part::Worker, "for the assembler, the explorer and the check: the workers' module", 757_000),
    (Part::Texts, "for the texts about limits, terms and instructions", 22_000),
    (Part::Editor, "for the editor", 140_000),
    (Part::Unicorn, "for the check: Unicorn's module", 266_240),
    (Part::Kept, "to be kept: service worker, manifest, icons", 8_000),
];

impl Part {
    fn of(path: &str) -> Self {
        match path.split('/').next() {
            Some("fonts") => Self::Fonts,
            Some("worker") => Self::Worker,
            Some("GLOSSARY.md" | "LIMITS.md" | "WHY.md") => Self::Texts,
            Some("editor") => Self::Editor,
            Some("unicorn") => Self::Unicorn,
            Some(name) if name.ends_with(parts::REST) => Self::Rest,
            Some("icons" | "manifest.webmanifest" | "service-worker.js") => Self::Kept,
            _ => Self::Page,
        }
    }

    /// Licences and sources are beside the modules, and headers are for the host; the page only links to them, or knows nothing of them.
    fn loads(self, path: &str) -> bool {
        match self {
            Self::Page => path != "_headers",
            Self::Rest | Self::Worker | Self::Kept | Self::Texts => true,
            Self::Fonts => path.ends_with(".woff2"),
            Self::Editor => path.ends_with(".js"),
            Self::Unicorn => path.ends_with(".wasm"),
        }
    }
}

/// Parts of the page with their weight and their limit.
fn weighed(files: &[File]) -> Vec<(&'static str, Weight, u64)> {
    let of = |part: Part| {
        let own = files.iter().filter(move |file| Part::of(&file.path) == part && part.loads(&file.path));
        own.map(|file| file.weight).sum()
    };
    BUDGETS.map(|(part, name, limit)| (name, of(part), limit)).to_vec()
}

/// Fails if a part of `dist/` has outgrown its budget.
pub(crate) fn check(project: &Project) -> Result<(), Failure> {
    let weighed = weighed(&weight::files(project)?);
    match exceeded(&weighed).as_slice() {
        [] => {
            let (name, Weight { gzip, .. }, limit) = weighed[0];
            println!("page weight ... {name}: {gzip} bytes with gzip, of {limit} allowed");
            Ok(())
        }
        exceeded => Err(Failure::new(
            format!("the page has outgrown its budget: {}", exceeded.join("; ")),
            "cargo xtask bench lists the largest parts; or raise the limit in crates/xtask/src/budget.rs with a reason",
        )),
    }
}

fn exceeded(weighed: &[(&str, Weight, u64)]) -> Vec<String> {
    let over = weighed.iter().filter(|(_, weight, limit)| weight.gzip > *limit);
    over.map(|(name, weight, limit)| format!("{name}: {} bytes with gzip, of {limit} allowed", weight.gzip)).collect()
}

/// Every file and every part, as a table.
pub(crate) fn table(files: &[File]) -> String {
    let row =
        |plain: &str, gzip: &str, brotli: &str, name: &str| format!("  {plain:>11}{gzip:>11}{brotli:>11}  {name}\n");
    let weight = |Weight { plain, gzip, brotli }: &Weight, name: &str| {
        row(&plain.to_string(), &gzip.to_string(), &brotli.to_string(), name)
    };
    let mut text = row("plain", "gzip", "brotli", "");
    for File { path, weight: own } in files {
        text += &weight(own, path);
    }
    for (name, own, limit) in weighed(files) {
        text += &weight(&own, &format!("{name}, of {limit} allowed with gzip"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, gzip: u64) -> File {
        File { path: path.to_owned(), weight: Weight { plain: 2 * gzip, gzip, brotli: gzip / 2 } }
    }

    #[test]
    fn each_file_counts_where_it_is_loaded() {
        let files = [
            file("index.html", 10),
            file("cr3-web-1_bg.wasm", 1000),
            file("cr3-web-1_rest.wasm", 500),
            file("assembled-1.bin", 9),
            file("fonts/mono.woff2", 20),
            file("fonts/OFL.txt", 7),
            file("worker/worker.js", 30),
            file("GLOSSARY.md", 3),
            file("LIMITS.md", 5),
            file("editor/editor.js", 60),
            file("editor/LICENSES.txt", 7),
            file("unicorn/unicorn.wasm", 40),
            file("unicorn/COPYING", 7),
            file("_headers", 7),
            file("service-worker.js", 50),
            file("icons/icon-192.png", 5),
        ];
        let gzip: Vec<u64> = weighed(&files).iter().map(|(_, weight, _)| weight.gzip).collect();
        assert_eq!(gzip, [1019, 500, 20, 30, 8, 60, 40, 55]);
    }

    #[test]
    fn only_what_is_over_its_limit_is_named() {
        let weigh = |gzip| Weight { gzip, ..Weight::default() };
        let exceeded = exceeded(&[("page", weigh(10), 10), ("fonts", weigh(11), 10)]);
        assert_eq!(exceeded, ["fonts: 11 bytes with gzip, of 10 allowed"]);
    }
}
