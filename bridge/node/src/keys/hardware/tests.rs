use super::*;

#[test]
fn names_of_keys_read_back_and_slips_are_refused() {
    let aws = |text: &str| text.parse::<AwsKey>();
    for id in ["1234abcd-12ab-34cd-56ef-1234567890ab", "alias/submitter"] {
        assert_eq!(aws(id), Ok(AwsKey { id: id.to_owned(), region: None, endpoint: None }));
    }
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    assert_eq!(aws(arn).unwrap().region.as_deref(), Some("eu-central-1"));
    for wrong in ["", "key with spaces", "arn:aws:s3:::bucket", "arn:aws:kms", "key\n"] {
        assert_eq!(aws(wrong), Err(PlaceError::Aws), "{wrong}");
    }

    let gcp =
        "projects/example.org:bridge/locations/global/keyRings/relays/cryptoKeys/main-1/cryptoKeyVersions/3";
    assert_eq!(gcp.parse::<GcpKeyVersion>().unwrap().to_string(), gcp);
    for wrong in
        ["", "projects/p/locations/l/keyRings/r/cryptoKeys/k", &gcp.replace("/3", "/latest"), &gcp[1..]]
    {
        assert_eq!(wrong.parse::<GcpKeyVersion>(), Err(PlaceError::Gcp), "{wrong}");
    }

    for path in ["m/44'/60'/0'/0/0", "m/44'/60'/7'", "m/2147483647'"] {
        assert_eq!(path.parse::<DerivationPath>().unwrap().to_string(), path);
    }
    let deep = format!("m{}", "/1".repeat(11));
    for wrong in ["", "m", "m/", "44'/60'", "m/2147483648", "m/-1", "m/+1", "m/1h", "m/1''", &deep] {
        assert_eq!(wrong.parse::<DerivationPath>(), Err(PlaceError::Path), "{wrong}");
    }
    assert_eq!(DerivationPath::default().as_str().parse(), Ok(DerivationPath::default()));
}

#[cfg(not(any(feature = "aws-kms", feature = "gcp-kms", feature = "ledger")))]
#[tokio::test]
async fn a_build_without_the_client_names_the_feature() {
    let gcp = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    for (place, feature) in [
        (HardwarePlace::AwsKms("alias/a".parse().unwrap()), "aws-kms"),
        (HardwarePlace::GcpKms(gcp.parse().unwrap()), "gcp-kms"),
        (HardwarePlace::Ledger(DerivationPath::default()), "ledger"),
    ] {
        let named_by = NamedBy::Flag("--signer");
        let found = HardwareKey::find(place, Duration::from_secs(1), named_by).await;
        let error = found.unwrap_err().to_string();
        assert!(error.contains(&format!("--features {feature}")), "{error}");
    }
}
