//! The icons, drawn on a grid of 16. A control that shows only an icon has its own `aria-label`.

use yew::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    First,
    Back,
    Forward,
    Last,
    Run,
    RunBack,
    Search,
    Plus,
    Minus,
    All,
    Stop,
    Pause,
    PreviousDifference,
    NextDifference,
    Swap,
    Link,
    Report,
    System,
    Sun,
    Moon,
    Close,
    Inject,
    Pencil,
    Follow,
}

impl Shape {
    /// The icon as a picture that screen readers pass over.
    pub(crate) fn icon(self) -> Html {
        html! {
            <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
                <path d={self.path()} fill-rule="evenodd" />
            </svg>
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::First => "M3 3h2v10H3zM13 3v10L6 8z",
            Self::Back => "M11.5 3v10L4.5 8z",
            Self::Forward => "M4.5 3v10l7-5z",
            Self::Last => "M11 3h2v10h-2zM3 3v10l7-5z",
            Self::Run => "M4 2.5v11l9-5.500z",
            Self::RunBack => "M12 2.500v11L3 8z",
            Self::Search => {
                "M7 2a5 5 0 1 0 2.900 9.100l3 3 1.200-1.200-3-3A5 5 0 0 0 7 2zm0 1.600a3.400 3.400 0 1 1 0 6.800 3.400 3.400 0 0 1 0-6.800z"
            }
            Self::Plus => "M7 3h2v4h4v2H9v4H7V9H3V7h4z",
            Self::Minus => "M3 7h10v2H3z",
            Self::All => "M4 5v6L1 8zM12 5l3 3-3 3zM5 7h6v2H5z",
            Self::Stop => "M5.500 2h5L14 5.500v5L10.500 14h-5L2 10.500v-5z",
            Self::Pause => "M4 3h3v10H4zM9 3h3v10H9z",
            Self::PreviousDifference => "M8 3 3.500 8H7v5h2V8h3.500z",
            Self::NextDifference => "M8 13l4.500-5H9V3H7v5H3.500z",
            Self::Swap => "M5 2.500 1.500 5.500 5 8.500V6.500h9v-2H5zM11 7.500v2H2v2h9v2l3.500-3z",
            Self::Link => {
                "M6.600 9.400a2.600 2.600 0 0 1 0-3.700l2.300-2.300a2.600 2.600 0 0 1 3.700 3.700l-1 1-1.100-1.100 1-1a1 1 0 0 0-1.500-1.500L7.700 6.800a1 1 0 0 0 0 1.500zM9.400 6.600a2.600 2.600 0 0 1 0 3.700l-2.300 2.300a2.600 2.600 0 0 1-3.700-3.700l1-1 1.100 1.100-1 1A1 1 0 0 0 6 11.500l2.300-2.300a1 1 0 0 0 0-1.500z"
            }
            Self::Report => "M3 2h7l3 3v9H3zm1.500 1.500v9h7V6H9V3.500zM6 8h4v1.200H6zm0 2.200h4v1.200H6z",
            Self::System => "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 1.500v9a4.500 4.500 0 0 1 0-9z",
            Self::Sun => {
                "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM7.300 1h1.400v2.400H7.300zm0 11.600h1.400V15H7.300zM1 7.300h2.400v1.400H1zm11.600 0H15v1.400h-2.400zM2.600 3.600l1-1 1.700 1.700-1 1zm8.100 8.100 1-1 1.700 1.700-1 1zM12.400 2.600l1 1-1.700 1.700-1-1zM4.300 10.700l1 1-1.700 1.700-1-1z"
            }
            Self::Moon => "M6 1.800A6.300 6.300 0 1 0 14.200 10 5 5 0 0 1 6 1.800z",
            Self::Close => "M4 3 3 4l4 4-4 4 1 1 4-4 4 4 1-1-4-4 4-4-1-1-4 4z",
            Self::Inject => "M2.500 4h11L8 13z",
            Self::Pencil => {
                "M11.300 1.800 14.200 4.700 5.400 13.500 2 14l.500-3.400zM11.300 4 4 11.300l-.200 1 1-.200 7.300-7.300z"
            }
            Self::Follow => {
                "M7.300 1h1.400v3H7.300zm0 11h1.400v3H7.300zM1 7.300h3v1.400H1zm11 0h3v1.400h-3zM8 5.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z"
            }
        }
    }
}
