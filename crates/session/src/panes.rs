//! How wide the panes are: what a person chose, which the browser remembers.

/// What lies between two panes and can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Divider {
    /// At the right of the entry code.
    Code,
    /// At the left of the state.
    Inspector,
}

impl Divider {
    /// Both, from left to right.
    pub const ALL: [Self; 2] = [Self::Code, Self::Inspector];

    /// The smallest and the greatest width of its pane in CSS pixels.
    #[must_use]
    pub fn bounds(self) -> (u16, u16) {
        match self {
            Self::Code => (200, 720),
            Self::Inspector => (320, 720),
        }
    }

    /// The width on a wide window that nobody has changed.
    #[must_use]
    pub fn usual(self) -> u16 {
        match self {
            Self::Code => 368,
            Self::Inspector => 416,
        }
    }
}

/// Another width of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// This many CSS pixels.
    To(u16),
    /// The smallest.
    Least,
    /// The greatest.
    Most,
    /// The one that the page gives it.
    Usual,
}

/// The widths of the panes beside the runs in CSS pixels; none where nobody chose one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panes([Option<u16>; 2]);

impl Panes {
    /// The width that a person chose.
    #[must_use]
    pub fn width(self, divider: Divider) -> Option<u16> {
        self.0[divider as usize]
    }

    /// The same with another width of one pane.
    #[must_use]
    pub fn resized(mut self, divider: Divider, resize: Resize) -> Self {
        let (least, most) = divider.bounds();
        self.0[divider as usize] = match resize {
            Resize::To(width) => Some(width.clamp(least, most)),
            Resize::Least => Some(least),
            Resize::Most => Some(most),
            Resize::Usual => None,
        };
        self
    }

    /// What is remembered: both widths, or nothing where nobody chose one.
    #[must_use]
    pub fn text(self) -> String {
        self.0.map(|width| width.map_or_else(String::new, |width| width.to_string())).join(",")
    }

    /// The widths that were remembered. What is no width is left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let widths = Divider::ALL.into_iter().zip(text.split(','));
        widths.fold(Self::default(), |panes, (divider, text)| match text.parse() {
            Ok(width) => panes.resized(divider, Resize::To(width)),
            Err(_) => panes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resizes: &[(Divider, Resize)], text: &str) {
        let panes = resizes.iter().fold(Panes::default(), |panes, (divider, resize)| panes.resized(*divider, *resize));
        assert_eq!(panes.text(), text, "{resizes:?}");
        assert_eq!(Panes::parse(text), panes, "what is remembered is what was chosen");
    }

    #[test]
    fn a_pane_has_a_width_within_its_bounds() {
        use Divider::{Code, Inspector};
        check(&[], ",");
        check(&[(Code, Resize::To(300))], "300,");
        check(&[(Code, Resize::To(3))], "200,");
        check(&[(Code, Resize::To(u16::MAX)), (Inspector, Resize::Least)], "720,320");
        check(&[(Inspector, Resize::Most)], ",720");
        check(&[(Inspector, Resize::Most), (Inspector, Resize::Usual)], ",");
        for divider in Divider::ALL {
            let (least, most) = divider.bounds();
            assert!((least..=most).contains(&divider.usual()));
        }
    }

    #[test]
    fn what_is_no_width_is_left_out() {
        for (text, read) in [("", ","), ("x,y", ","), ("-3,400", ",400"), ("250", "250,"), ("99999,1,2", ",320")] {
            assert_eq!(Panes::parse(text).text(), read, "{text}");
        }
    }
}
