//! The contracts and this crate read the same packed form: both must reach what `contracts/test/packed.json` says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use alloy::primitives::{Bytes, U256};
use polyspan_types::{BlockHeight, MalformedTransfers, RequestKind, ValueTransfer, pack, unpack};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn list(name: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../../contracts/test/packed.json")).unwrap();
    file[name].as_array().unwrap().clone()
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn transfer(vector: &Value) -> ValueTransfer {
    ValueTransfer {
        kind: RequestKind::new(read(&vector["kind"])),
        source_block: BlockHeight::new(read(&vector["sourceBlock"])),
        token: read(&vector["token"]),
        from: read(&vector["from"]),
        to: read(&vector["to"]),
        refund_to: read(&vector["refundTo"]),
        value: read::<String>(&vector["value"]).parse::<U256>().unwrap(),
        payload: read(&vector["payload"]),
    }
}

#[test]
fn forms_are_read_and_the_shortest_ones_are_written_as_in_the_file() {
    let forms = list("forms");
    assert!(forms.len() >= 12);
    for form in forms {
        let (name, packed) = (&form["name"], read::<Bytes>(&form["packed"]));
        let transfers: Vec<_> = form["transfers"].as_array().unwrap().iter().map(transfer).collect();
        assert_eq!(unpack(&packed), Ok(transfers.clone()), "{name}");
        let shortest = pack(&transfers.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(shortest == packed, read::<bool>(&form["shortest"]), "{name}: {shortest}");
        assert!(shortest.len() <= packed.len(), "{name}");
    }
}

#[test]
fn malformed_bytes_are_refused_where_the_file_says() {
    let malformed = list("malformed");
    assert!(malformed.len() >= 10);
    for bytes in malformed {
        let expected = Err(MalformedTransfers { offset: read(&bytes["offset"]) });
        assert_eq!(unpack(&read::<Bytes>(&bytes["packed"])), expected, "{}", bytes["name"]);
    }
}
