//! Numbers and texts as bytes. A text stands there once; wherever else it is meant, its number stands for it.

use cr3_core::asm::sorted::Map;

/// Bits of a number in one byte. The highest one says that more follow (LEB128).
const BITS: u32 = 7;
const MORE: u8 = 1 << BITS;

/// Bytes on their way, and the texts that they name.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    texts: Vec<String>,
    numbers: Map<String, usize>,
}

impl Writer {
    pub(super) fn number(&mut self, number: u64) {
        let mut rest = number;
        while rest >= u64::from(MORE) {
            self.bytes.push(rest as u8 | MORE);
            rest >>= BITS;
        }
        self.bytes.push(rest as u8);
    }

    pub(super) fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    /// How far `to` is from `from`. Small distances in either direction are short (zigzag).
    pub(super) fn distance(&mut self, from: u64, to: u64) {
        let distance = to.wrapping_sub(from) as i64;
        self.number((distance << 1 ^ distance >> 63) as u64);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes.extend(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        let number = self.numbered(text);
        self.length(number);
    }

    fn numbered(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }

    pub(super) fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.length(items.len());
        items.for_each(|item| each(self, item));
    }

    /// What `write` writes, as bytes that a reader can pass over.
    pub(super) fn inside(&mut self, write: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.bytes);
        write(self);
        let inner = std::mem::replace(&mut self.bytes, before);
        self.raw(&inner);
    }

    /// The texts, then the bytes that name them.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut whole = Self::default();
        whole.list(self.texts.iter(), |whole, text| whole.raw(text.as_bytes()));
        whole.bytes.extend(self.bytes);
        whole.bytes
    }
}

/// Reads what a [`Writer`] wrote. Nothing can be read of damaged bytes: then there is `None`.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    texts: Vec<&'b str>,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Option<Self> {
        let mut reader = Self { bytes, texts: Vec::new() };
        reader.texts = reader.list(|reader| std::str::from_utf8(reader.raw()?).ok())?;
        Some(reader)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(BITS as usize) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & !MORE) << shift;
            if byte & MORE == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    pub(super) fn length(&mut self) -> Option<usize> {
        self.number()?.try_into().ok()
    }

    /// What is that far from `from`.
    pub(super) fn distance(&mut self, from: u64) -> Option<u64> {
        let number = self.number()?;
        Some(from.wrapping_add(number >> 1 ^ (number & 1).wrapping_neg()))
    }

    pub(super) fn raw(&mut self) -> Option<&'b [u8]> {
        let length = self.length()?;
        let (raw, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(raw)
    }

    pub(super) fn text(&mut self) -> Option<&'b str> {
        let number = self.length()?;
        self.texts.get(number).copied()
    }

    /// No list is longer than the bytes that are left: each item takes at least one.
    pub(super) fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length().filter(|length| *length <= self.bytes.len())?;
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(each(self)?);
        }
        Some(items)
    }

    /// Goes on with bytes that were passed over.
    pub(super) fn at(self, bytes: &'b [u8]) -> Self {
        Self { bytes, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let mut writer = Writer::default();
        writer.list(numbers.iter(), |writer, number| writer.number(*number));
        for (from, to) in [(5, 5), (5, 4), (0, u64::MAX), (u64::MAX, 1), (0, 1 << 63)] {
            writer.distance(from, to);
        }
        ["a", "é", "a"].iter().for_each(|text| writer.text(text));
        writer.raw(&[7, 8]);
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes).expect("the texts");
        assert_eq!(reader.list(Reader::number).as_deref(), Some(&numbers[..]));
        for (from, to) in [(5, 5), (5, 4), (0, u64::MAX), (u64::MAX, 1), (0, 1 << 63)] {
            assert_eq!(reader.distance(from), Some(to));
        }
        assert_eq!([reader.text(), reader.text(), reader.text()], [Some("a"), Some("é"), Some("a")]);
        assert_eq!(reader.raw(), Some(&[7, 8][..]));
        assert_eq!(reader.number(), None);
    }

    #[test]
    fn what_is_damaged_is_not_read() {
        assert!(Reader::new(&[]).is_none());
        assert!(Reader::new(&[1, 2, b'a']).is_none(), "a text is cut");
        assert!(Reader::new(&[255, 255, 255, 255, 15]).is_none(), "there are not so many");
        assert!(Reader::new(&[1, 1, 0xff]).is_none(), "no UTF-8");
        let mut reader =
            Reader::new(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).expect("none");
        assert_eq!(reader.number(), None, "too long");
        assert_eq!(Reader::new(&[0, 3]).expect("no texts").text(), None);
    }
}
