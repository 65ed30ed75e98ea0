//! How a service is known: the registry's client, used by chat, info and file.
