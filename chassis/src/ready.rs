//! Whether a service can serve.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether the service can serve, and if not, why; asked by `/readyz`.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<Mutex<Option<Cow<'static, str>>>>);

impl Default for Readiness {
    fn default() -> Self {
        Readiness(Arc::new(Mutex::new(Some("starting".into()))))
    }
}

impl Readiness {
    /// It can.
    pub fn set_ready(&self) {
        self.set(None);
    }

    /// It can't, because of this.
    pub fn set_not(&self, why: impl Into<Cow<'static, str>>) {
        self.set(Some(why.into()));
    }

    /// Why it can't serve, or `None` when it can.
    pub fn obstacle(&self) -> Option<Cow<'static, str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, obstacle: Option<Cow<'static, str>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = obstacle;
    }
}
