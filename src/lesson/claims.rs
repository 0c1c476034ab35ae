//! The claims that lessons prove: ids that never change, and what each says.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// All claims by id.
pub fn all() -> &'static BTreeMap<String, String> {
    static CLAIMS: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    CLAIMS.get_or_init(|| toml::from_str(include_str!("../../assets/claims.toml")).unwrap_or_default())
}

/// What a claim says.
pub fn title(id: &str) -> Option<&'static str> {
    all().get(id).map(String::as_str)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_can_be_read() {
        assert!(super::title("X4").unwrap().contains("last write end"));
        assert!(super::all().len() > 50);
    }
}
