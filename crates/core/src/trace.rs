//! A run recorded so that any step can be shown, forwards and backwards.
