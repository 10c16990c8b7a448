use serde_json::{Value, json};

use super::*;

fn request() -> Value {
    json!({
        "item": {"item_type": "function", "name": "f", "args": [1], "kwargs": {"b": 2}},
        "user": "ada",
        "user_group": "primary",
        "lock_key": "s3cret",
    })
}

#[test]
fn a_request_is_read_whole_and_its_key_is_not_shown() {
    let call = FunctionCall::from_json(&request()).unwrap();
    assert_eq!((call.item.call.args.len(), &call.item.call.kwargs["b"]), (1, &json!(2)));
    assert_eq!((&*call.user, &*call.user_group), ("ada", "primary"));
    assert!(!call.run_in_background && call.item.meta.is_null());
    assert_eq!(call.lock_key.as_ref().map(LockKey::reveal), Some("s3cret"));
    assert!(!format!("{call:?}").contains("s3cret"));
}

#[test]
fn a_uid_of_the_items_own_is_not_taken_over() {
    let mut request = request();
    request["item"]["item_uid"] = json!("mine");
    let call = FunctionCall::from_json(&request).unwrap();
    assert!(call.item_json(None).get("item_uid").is_none());
    assert_eq!(call.item_json(Some(&"given".into()))["item_uid"], "given");
}

#[test]
fn a_tuple_is_a_list_of_arguments_and_a_number_is_none() {
    let mut call = FunctionCall::new("f");
    call.set_args((10, "test", [1, 2, 3])).unwrap();
    assert_eq!(call.item.call.args, [json!(10), json!("test"), json!([1, 2, 3])]);
    assert!(matches!(call.set_args(50), Err(FunctionCallError::ArgsNotAList { .. })));
    assert!(matches!(call.set_kwargs(50), Err(FunctionCallError::KwargsNotAMap { .. })));
}
