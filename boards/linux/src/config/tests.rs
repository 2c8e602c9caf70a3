//! Defaults, what overrides what, and a refusal that names the setting for everything else.

use super::*;
use edge_infer::door::{Exit, SecondFactor};

fn with_file(text: &str, set: &[&str]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("door.toml");
    std::fs::write(&path, text).unwrap();
    let set: Vec<String> = set.iter().map(|&argument| argument.to_owned()).collect();
    Config::load(Some(&path), &set)
}

fn set(arguments: &[&str]) -> Result<Config, ConfigError> {
    with_file("", arguments)
}

#[test]
fn the_file_of_defaults_is_the_door_s_default_policy() {
    assert_eq!(with_file("", &[]).unwrap().policy, Policy::default());
}

#[test]
fn a_file_goes_over_the_defaults_and_set_over_both() {
    let file = "pulse_ms = 500\n[frames]\ngood = 4\n[models]\nfolder = \"/srv/m\"\n";
    let config = with_file(file, &["frames.good=5", "models.detector=y.afm"]).unwrap();
    assert_eq!((config.policy.pulse_ms, config.policy.frames.good), (500, 5));
    assert_eq!(config.policy.frames.of, Policy::default().frames.of);
    let paths = config.models.paths(config.policy.liveness);
    assert_eq!(paths.detector, Path::new("/srv/m/y.afm"));
    assert_eq!(paths.liveness.unwrap()[1], Path::new("/srv/m/liveness-4.0.afm"));
}

#[test]
fn words_need_no_quotes() {
    let config =
        set(&["liveness=off", "exit=free", "second_factor=20000", "people.key=credential:door"])
            .unwrap();
    assert_eq!(config.policy.liveness, Liveness::Off);
    assert_eq!(config.policy.exit, Exit::Free);
    assert_eq!(config.policy.second_factor, SecondFactor::Within(20_000));
    assert_eq!(config.people.key, "credential:door");
    assert_eq!(config.models.paths(Liveness::Off).liveness, None);
    assert_eq!(set(&["liveness=1"]).unwrap().policy.liveness, Liveness::AtLeast(1.0));
}

/// howdy 527: certainty=10 let anyone in. Nothing here is a raw score, and rates have an end.
#[test]
fn howdy_527_no_setting_is_a_raw_score_and_loose_rates_are_refused() {
    for argument in ["cosine=0.1", "threshold=0.1", "certainty=10", "face.cosine=0"] {
        assert!(matches!(set(&[argument]), Err(ConfigError::Unknown { .. })), "{argument}");
    }
    for argument in
        ["target_fpir=0.5", "target_fpir=0", "target_fpir=nan", "liveness=0", "frames.good=1"]
    {
        let error = set(&[argument]).unwrap_err();
        let name = argument.split_once('=').unwrap().0;
        assert!(matches!(error, ConfigError::Policy(_)), "{argument}: {error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn rejects_names_that_no_setting_has() {
    let error = with_file("[face]\nsharpnes = 3\n", &[]).unwrap_err();
    assert!(matches!(&error, ConfigError::Unknown { key, .. } if key == "face.sharpnes"));
    assert!(error.to_string().contains("sharpness"), "{error}");
    assert!(matches!(with_file("[web]\nport = 1\n", &[]), Err(ConfigError::Unknown { .. })));
}

#[test]
fn rejects_values_of_another_kind() {
    for (argument, word) in [
        ("pulse_ms=long", "pulse_ms"),
        ("pulse_ms=-1", "pulse_ms"),
        ("frames=3", "frames"),
        ("frames.good=300", "good"),
        ("liveness=maybe", "maybe"),
        ("exit=open", "open"),
        ("lockout.strangers=2", "strangers"),
        ("relay.channel=0", "relay.channel"),
        ("relay.channel=9", "relay.channel"),
        ("relay.kind=magnet", "hid"),
        ("reader.kind=knock", "keyboard"),
        ("reader.speed=fast", "speed"),
    ] {
        let error = set(&[argument]).unwrap_err();
        assert!(matches!(error, ConfigError::Value { .. }), "{argument}: {error}");
        let text = error.to_string();
        assert!(text.contains(word) && !text.contains('\n'), "{argument}: {text}");
    }
}

#[test]
fn rejects_arguments_that_set_nothing() {
    for argument in ["liveness", "=3", "frames.=3", ""] {
        assert!(matches!(set(&[argument]), Err(ConfigError::Argument { .. })), "{argument}");
    }
}

#[test]
fn rejects_a_file_that_is_no_toml_by_its_line() {
    let error = with_file("pulse_ms = 500\n\n[frames\n", &[]).unwrap_err();
    assert!(matches!(error, ConfigError::Syntax { line: 3, .. }), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[test]
fn rejects_a_file_that_is_not_there() {
    let error = Config::load(Some(Path::new("no/door.toml")), &[]).unwrap_err();
    assert!(matches!(error, ConfigError::Io { .. }));
}

#[test]
fn rejects_a_key_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k.pub");
    let config = set(&[&format!("models.key={}", path.display())]).unwrap();
    assert!(matches!(config.models.public_key(), Err(ConfigError::Io { .. })));
    std::fs::write(&path, "no key").unwrap();
    assert!(matches!(config.models.public_key(), Err(ConfigError::Key { .. })));
    assert_eq!(set(&[]).unwrap().models.public_key().unwrap(), None);
}

#[test]
fn pages_are_for_the_machine_alone_and_nothing_goes_out() {
    let config = set(&[]).unwrap();
    assert!(config.web.listen.unwrap().ip().is_loopback());
    assert!(!config.web.allow_plain && !config.web.proxy);
    assert_eq!(config.web.keep_faces_minutes, 0);
    assert_eq!((config.mqtt.broker.as_str(), config.webhook.url.as_str()), ("off", "off"));
    assert!(!config.mqtt.names && !config.webhook.names);
    let off = set(&["web.listen=off", "mqtt.broker=mqtts://b.lan"]).unwrap();
    assert_eq!((off.web.listen, off.mqtt.broker.as_str()), (None, "mqtts://b.lan"));
}

#[test]
fn rejects_an_address_that_is_none() {
    for argument in
        ["web.listen=localhost", "web.listen=door.lan:80", "web.listen=", "web.listen=:80"]
    {
        let error = set(&[argument]).unwrap_err();
        assert!(error.to_string().contains("web.listen"), "{argument}: {error}");
    }
}
