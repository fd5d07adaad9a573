use super::wire;
use super::*;

#[test]
fn what_is_told_is_read_as_it_was_written() {
    let opened = Opened {
        id: TreeId(7),
        release: "v6.12.1".into(),
        kernel: Kernel::V6_12,
        checked: Checked::Unchecked,
        files: 71,
        configured: String::new(),
    };
    for message in [Message::Opened(opened), Message::Refused("why".into())] {
        assert_eq!(wire::decode(&wire::encode(&message)), Some(message));
    }
    for damaged in ["", "opened", "opened\u{1f}x"] {
        assert_eq!(wire::decode(damaged), None, "{damaged:?}");
    }
    let files = [("Makefile".to_owned(), "VERSION = 6\n\u{1e}".to_owned())];
    let read = [("Makefile".to_owned(), "VERSION = 6\n ".to_owned())];
    assert_eq!(wire::given(&wire::gift(TreeId(1), &files)), Some((TreeId(1), read.to_vec())));
    assert_eq!(wire::given("tree"), None);
}
