//! Built-in texts without their comments. Comments are for readers of the repository and are a third of the texts; the page carries the rest.

const NEWLINE: u8 = b'\n';

/// The length of the comment that begins at `at`; 0 if none does.
const fn comment(text: &[u8], at: usize) -> usize {
    if at + 1 >= text.len() || text[at] != b'/' || text[at + 1] != b'*' {
        return 0;
    }
    let mut end = at + 2;
    while end + 1 < text.len() && !(text[end] == b'*' && text[end + 1] == b'/') {
        end += 1;
    }
    end + 2 - at
}

/// The length of the text without comments.
pub(super) const fn length(text: &str) -> usize {
    let text = text.as_bytes();
    let (mut at, mut length) = (0, 0);
    while at < text.len() {
        let end = at + comment(text, at);
        // A comment is a space, as in C.
        length += 1;
        at += (end == at) as usize;
        while at < end {
            length += (text[at] == NEWLINE) as usize;
            at += 1;
        }
    }
    length
}

/// The text without comments. Each line keeps its number.
pub(super) const fn bare<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let text = text.as_bytes();
    let mut bare = [NEWLINE; LENGTH];
    let (mut at, mut length) = (0, 0);
    while at < text.len() {
        let end = at + comment(text, at);
        bare[length] = if end == at { text[at] } else { b' ' };
        length += 1;
        at += (end == at) as usize;
        while at < end {
            // What is not written yet is a newline.
            length += (text[at] == NEWLINE) as usize;
            at += 1;
        }
    }
    bare
}

/// As text again.
pub(super) const fn text(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("comments end where characters end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_lines_stay() {
        const WHOLE: &str = "/* one */\nmov %rax, %rbx /* two\n  lines */; ret\n\t/ * no *\n/**/";
        const BARE: [u8; length(WHOLE)] = bare(WHOLE);
        assert_eq!(text(&BARE), " \nmov %rax, %rbx  \n; ret\n\t/ * no *\n ");
        assert_eq!(text(&BARE).lines().count(), WHOLE.lines().count());
    }
}
