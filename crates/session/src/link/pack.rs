//! Text in a link: deflate (RFC 1951), then base64url without padding (RFC 4648, 5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Maximum size of an unpacked text in bytes. A macro takes about 1 KiB; the bound stops deflate bombs.
pub(crate) const LIMIT: usize = 64 << 10;

/// Compresses `text`.
pub(super) fn pack(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 9))
}

/// The text that [`pack`] compressed.
pub(super) fn unpack(packed: &str) -> Result<String, String> {
    let bytes = URL_SAFE_NO_PAD.decode(packed).map_err(|_| "the text of the custom form is damaged".to_owned())?;
    let text = miniz_oxide::inflate::decompress_to_vec_with_limit(&bytes, LIMIT)
        .map_err(|_| "the text of the custom form is damaged or too long".to_owned())?;
    String::from_utf8(text).map_err(|_| "the text of the custom form is not UTF-8".to_owned())
}
