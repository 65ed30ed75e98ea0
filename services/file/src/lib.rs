//! The file service: upload, download, whole or absent.
