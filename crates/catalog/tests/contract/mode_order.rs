//! What was set by hand about the mode.

use crate::setup::*;
use entrepot_catalog::ModeOrderRecord;

pub async fn is_kept_replaced_and_taken_back(home: &Home) {
    let catalog = home.open().await;
    assert_eq!(catalog.mode_order().await.unwrap(), None);
    let order = ModeOrderRecord {
        mode: Some("closed".to_owned()),
        tag_lists: None,
        catalog: Some(false),
        reason: Some("搬家".to_owned()),
        by: "account:ops".to_owned(),
        since: at(10),
        until: Some(at(20)),
    };
    catalog.set_mode_order(Some(&order)).await.unwrap();
    assert_eq!(catalog.mode_order().await.unwrap().as_ref(), Some(&order));
    let lists = ModeOrderRecord {
        mode: None,
        tag_lists: Some(true),
        catalog: None,
        reason: None,
        until: None,
        ..order
    };
    catalog.set_mode_order(Some(&lists)).await.unwrap();
    assert_eq!(catalog.mode_order().await.unwrap().as_ref(), Some(&lists), "there is one at most");
    catalog.set_mode_order(None).await.unwrap();
    assert_eq!(catalog.mode_order().await.unwrap(), None);
}
