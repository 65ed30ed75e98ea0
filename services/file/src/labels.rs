//! Closed sets of words: what logs and metrics may say of a thing.

/// Declares an enum with the label each variant has in logs and metrics.
macro_rules! labels {
    ($(#[$head:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$head])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every value, for metrics that export each label from the start.
            pub(crate) const ALL: &[$name] = &[$($name::$variant,)*];

            /// The value as logs and metrics name it.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $label,)* }
            }
        }
    };
}
pub(crate) use labels;
