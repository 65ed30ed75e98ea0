//! What a service shows on its admin port beside `/metrics`, `/healthz` and `/readyz`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

/// A service's own pages, by path. Clones are the same pages.
#[derive(Debug, Clone, Default)]
pub struct Pages(Arc<RwLock<BTreeMap<&'static str, Page>>>);

/// What is shown under a path.
#[derive(Clone)]
pub enum Page {
    /// A text, written anew for each request.
    Text {
        /// Its media type.
        kind: &'static str,
        /// Writes it. It runs between other requests, so it may not wait for anything.
        write: Arc<dyn Fn() -> String + Send + Sync>,
    },
    /// Server-sent events: each value from now on.
    Events(Arc<watch::Sender<Arc<str>>>),
}

impl Pages {
    /// Shows a page under a path, in place of what was there.
    pub fn show(&self, path: &'static str, page: Page) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(path, page);
    }

    /// What is under a path.
    pub(crate) fn at(&self, path: &str) -> Option<Page> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// The paths that lead somewhere.
    pub(crate) fn paths(&self) -> Vec<&'static str> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Page::Text { kind, .. } => write!(to, "Text({kind})"),
            Page::Events(_) => to.write_str("Events"),
        }
    }
}
