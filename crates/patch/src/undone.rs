//! What can be undone of what mailers and replies do to a text.

/// What was undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// The marks of a reply.
    Quotation,
    /// A quoted-printable body.
    QuotedPrintable,
    /// A base64 body.
    Base64,
    /// Lines that a mailer broke.
    BrokenLines,
    /// Tabs that became spaces: nothing depends on them.
    Spaces,
    /// Carriage returns.
    CarriageReturns,
}

impl Undone {
    pub(crate) const ALL: [Self; 6] =
        [Self::Quotation, Self::QuotedPrintable, Self::Base64, Self::BrokenLines, Self::Spaces, Self::CarriageReturns];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Quotation => "the marks of a reply",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
            Self::BrokenLines => "broken lines",
            Self::Spaces => "spaces in place of tabs",
            Self::CarriageReturns => "carriage returns",
        }
    }
}
