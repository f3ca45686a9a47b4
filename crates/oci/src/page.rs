//! Pages of a listing: `?n=&last=` (distribution-spec, §listing tags).

use std::sync::Arc;

/// Maximum number of entries in a page, whatever the client requests.
pub const MAX_PAGE: usize = 1000;

/// The requested part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    limit: usize,
    after: Option<Arc<str>>,
}

/// Why `n` or `last` cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// `n` is not a non-negative integer.
    #[error("`n` must be a whole number, 0 or more")]
    Limit,
    /// `last` is longer than any name, or contains characters that no name has.
    #[error("`last` must be an entry of the listing")]
    Last,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: MAX_PAGE, after: None }
    }
}

impl Page {
    /// Parses the two query parameters; `n` is capped at [`MAX_PAGE`].
    ///
    /// ```
    /// use entrepot_oci::{MAX_PAGE, Page, PageError};
    ///
    /// assert_eq!(Page::parse(Some("999999"), Some("v1"))?.limit(), MAX_PAGE);
    /// assert_eq!(Page::parse(Some("-1"), None), Err(PageError::Limit));
    /// # Ok::<(), PageError>(())
    /// ```
    ///
    /// # Errors
    /// A parameter is malformed.
    ///
    /// ```
    /// use entrepot_oci::{MAX_PAGE, Page, PageError};
    ///
    /// let page = Page::parse(Some("5000"), Some("1.27"))?;
    /// assert_eq!((page.limit(), page.after()), (MAX_PAGE, Some("1.27")));
    /// assert_eq!(Page::parse(Some("-1"), None), Err(PageError::Limit));
    /// # Ok::<(), PageError>(())
    /// ```
    pub fn parse(n: Option<&str>, last: Option<&str>) -> Result<Self, PageError> {
        let limit = match n {
            None => MAX_PAGE,
            Some(n) if !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()) => {
                n.parse().unwrap_or(MAX_PAGE).min(MAX_PAGE)
            }
            Some(_) => return Err(PageError::Limit),
        };
        let after = match last.filter(|last| !last.is_empty()) {
            None => None,
            Some(last) if last.len() <= 255 && last.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Some(last.into())
            }
            Some(_) => return Err(PageError::Last),
        };
        Ok(Self { limit, after })
    }

    /// Maximum number of entries to return.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The page of the same size after `entry`.
    pub fn following(&self, entry: &str) -> Self {
        Self { limit: self.limit, after: Some(entry.into()) }
    }

    /// The entry after which the page starts.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clamps_and_refuses() {
        assert_eq!(Page::parse(None, None).unwrap().limit(), MAX_PAGE);
        assert_eq!(Page::parse(Some("100000000000000000000"), Some("")).unwrap(), Page::default());
        assert_eq!(Page::parse(Some("0"), Some("a")).unwrap().limit(), 0);
        for bad in ["-1", "abc", "", "+1", "1.0"] {
            assert_eq!(Page::parse(Some(bad), None), Err(PageError::Limit), "{bad}");
        }
        assert_eq!(Page::parse(None, Some("\0")), Err(PageError::Last));
        assert_eq!(Page::parse(None, Some(&"a".repeat(256))), Err(PageError::Last));
    }
}
