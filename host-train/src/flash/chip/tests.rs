//! Images of programs and people, and boards that are folders: `probe-rs` and cargo are programs on the path that work there.
#![allow(clippy::unwrap_used)]

use super::elf::tests::file as elf;
use super::*;
use crate::flash::board::Board;
use door_firmware::ports::GalleryStore as _;
use door_firmware::store::flash::Shared;
use door_firmware::store::gallery::{Gallery, PreprocessingId};
use door_firmware::store::sim::Rp2350;
use embedded_storage::nor_flash::NorFlash as _;
use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

/// What precedes the embedding network on these boards.
const OURS: PreprocessingId = PreprocessingId([3; 16]);

/// What stands for `probe-rs`: it keeps what it is given by its address, and says no where it is told to.
const PROBE: &str = r#"#!/bin/sh
echo "$*" >> "$FAKE/calls"
[ ! -e "$FAKE/unplugged" ] || { echo "no probe was found" >&2; exit 1; }
[ "$3" = "$(cat "$FAKE/chip")" ] || { echo "another chip" >&2; exit 1; }
case $1 in
  download) cp "$8" "$FAKE/at-$7" ;;
  verify) cmp -s "$8" "$FAKE/at-$7" && [ ! -e "$FAKE/worn" ] && echo "Verification successful" || echo "Verification failed: contents do not match" ;;
  reset) touch "$FAKE/started" ;;
esac
"#;

fn chip(name: &str) -> Chip {
    match Board::named(name).unwrap() {
        Board::Probe(chip) => chip,
        Board::Ssh(board) => panic!("{board:?}"),
    }
}

struct Fake {
    folder: tempfile::TempDir,
    chip: Chip,
}

impl Fake {
    fn new(board: &str) -> Self {
        let fake = Self { folder: tempfile::tempdir().unwrap(), chip: chip(board) };
        fake.tool("probe-rs", PROBE);
        fake.write("chip", fake.chip.chip.as_bytes());
        fake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn tool(&self, name: &str, text: &str) {
        let path = self.write(&format!("bin/{name}"), text.as_bytes());
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Where tools are these before the machine's, or these alone.
    fn environment(&self, alone: bool) -> Vec<(&'static str, OsString)> {
        let bin = self.path("bin").display().to_string();
        let path = if alone { bin } else { format!("{bin}:{}", std::env::var("PATH").unwrap()) };
        vec![("PATH", path.into()), ("FAKE", self.folder.path().into())]
    }

    fn image(&self, people: Option<&Path>) -> Result<Image, ChipError> {
        let start = self.chip.flash.start;
        let program = elf(&[(1, start, b"vectors"), (1, start + 0x40, &[7; 5000])]);
        let people = people.map(|path| (path, OURS));
        Image::build(&self.chip, &self.write("program", &program), people)
    }

    fn lay(&self, people: Option<&Path>) -> Laid {
        self.image(people).unwrap().lay(&self.chip, &self.path("laid")).unwrap()
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap_or_default()
    }
}

const MODEL: &str = "01010101010101010101010101010101";

/// As `device export` writes it.
fn people(fake: &Fake, rows: &[(u32, &str, i8)]) -> PathBuf {
    let row = |(person, name, value): &(u32, &str, i8)| {
        let template: Vec<i8> = vec![*value; 128];
        serde_json::json!({
            "person": person, "name": name, "model_id": MODEL, "values": 128, "dormant": false, "template": template,
        })
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    fake.write("people.json", &serde_json::to_vec(&rows).unwrap())
}

#[test]
fn a_program_is_whole_sectors_of_the_flash() {
    let fake = Fake::new("rp2350");
    let Image { runs } = fake.image(None).unwrap();
    let [Run { address, bytes }] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!((*address, bytes.len()), (0x1000_0000, 8192));
    assert_eq!((&bytes[..8], &bytes[0x40..0x42]), (&b"vectors\xff"[..], &[7, 7][..]));
    assert_eq!((bytes[0x40 + 4999], bytes[0x40 + 5000], bytes[8191]), (7, 0xff, 0xff));
    let Image { runs } = Fake::new("stm32h743").image(None).unwrap();
    assert_eq!((runs.len(), runs[0].address, runs[0].bytes.len()), (1, 0x0800_0000, 0x2_0000));
    // The same from the file that a boot ROM takes.
    let uf2 = uf2::encode(&fake.image(None).unwrap().runs, 0xe48b_ff59, 4096);
    let again = Image::build(&fake.chip, &fake.write("program.uf2", &uf2), None).unwrap();
    assert_eq!(again, fake.image(None).unwrap());
}

/// What is written is what the firmware reads: its gallery opens it.
#[test]
fn people_lie_where_the_firmware_looks_for_them() {
    let fake = Fake::new("rp2350");
    let path = people(&fake, &[(3, "Ada", 5), (3, "Ada", 6), (9, "Eve", 7)]);
    let Image { runs } = fake.image(Some(&path)).unwrap();
    assert_eq!(runs.iter().map(|run| run.address).collect::<Vec<_>>(), [0x1000_0000, 0x103d_0000]);
    assert_eq!(runs[1].bytes.len(), 0x1_0000);
    let mut flash = Rp2350::new(16);
    // The chip takes no byte twice, so only those that are none of a blank one.
    for (at, page) in runs[1].bytes.chunks(256).enumerate() {
        if page.iter().any(|&byte| byte != 0xff) {
            flash.write(256 * at as u32, page).unwrap();
        }
    }
    let flash = RefCell::new(flash);
    let (mut gallery, report) = Gallery::<_, 256>::open(Shared(&flash), 0..0x1_0000, OURS).unwrap();
    let mut found = Vec::new();
    gallery
        .for_each(&mut |one| found.push((one.person, one.name.to_owned(), one.values[127])))
        .unwrap();
    let expected = [(3, "Ada", 5), (3, "Ada", 6), (9, "Eve", 7)];
    assert_eq!(found, expected.map(|(person, name, value)| (person, name.to_owned(), value)));
    assert_eq!((report.records, report.damaged, report.recovered), (3, 0, false));
    assert_eq!(gallery.next_person(), Ok(10), "numbers go on");
}

#[test]
fn a_probe_writes_every_run_reads_it_back_and_starts_the_board() {
    let fake = Fake::new("rp2350");
    let laid = fake.lay(Some(&people(&fake, &[(1, "Ada", 5)])));
    probe::among(&fake.chip, &laid, &fake.environment(false)).unwrap();
    let written = fs::read(fake.path("at-0x10000000")).unwrap();
    assert_eq!(written, fake.image(None).unwrap().runs[0].bytes);
    assert_eq!(fs::read(fake.path("at-0x103d0000")).unwrap().len(), 0x1_0000);
    assert!(fake.path("started").exists());
    let laid = fake.path("laid");
    let at = |address: &str, file: &str| {
        format!(
            "--chip RP235x --binary-format bin --base-address {address} {}/{file}.bin\n",
            laid.display()
        )
    };
    let both = [at("0x10000000", "10000000"), at("0x103d0000", "103d0000")];
    let expected = format!(
        "download {0}download {1}verify {0}verify {1}reset --chip RP235x\n",
        both[0], both[1]
    );
    assert_eq!(fake.calls(), expected);
}

#[test]
fn what_a_board_does_not_keep_is_a_verdict() {
    let fake = Fake::new("stm32h743");
    let laid = fake.lay(None);
    fake.write("worn", b"");
    let error = probe::among(&fake.chip, &laid, &fake.environment(false)).unwrap_err();
    assert!(
        error.is_verdict() && matches!(error, ChipError::NotKept { address: 0x0800_0000, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("contents do not match"), "{error}");
    assert!(!fake.path("started").exists());
    fake.write("unplugged", b"");
    let error = probe::among(&fake.chip, &laid, &fake.environment(false)).unwrap_err();
    assert!(error.is_verdict() && error.to_string().contains("no probe was found"), "{error}");
}

#[test]
fn without_probe_rs_it_says_exactly_what_to_run() {
    let fake = Fake::new("rp2350");
    let laid = fake.lay(None);
    fs::remove_file(fake.path("bin/probe-rs")).unwrap();
    let error = probe::among(&fake.chip, &laid, &fake.environment(true)).unwrap_err();
    assert!(matches!(error, ChipError::NoTool { tool: "probe-rs", .. }) && !error.is_verdict());
    let command = |folder: &Path| {
        let words = "probe-rs download --chip RP235x --binary-format bin --base-address 0x10000000";
        format!("{words} {}/10000000.bin", folder.display())
    };
    let text = error.to_string();
    assert!(
        text.contains("cargo install probe-rs-tools --locked")
            && text.contains(&command(Path::new("DIR"))),
        "{text}"
    );
    assert!(text.contains("--volume"), "{text}");
    // By hand, the same commands, and they work.
    fake.tool("probe-rs", PROBE);
    let lines = laid.by_hand(&fake.chip);
    assert_eq!((lines[0].as_str(), lines.len()), (command(&fake.path("laid")).as_str(), 4));
    for line in &lines[..3] {
        let mut shell = std::process::Command::new("sh");
        let done = shell.args(["-c", line]).envs(fake.environment(false)).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
    assert!(fake.path("started").exists());
    assert!(lines[3].contains("door.uf2") && lines[3].contains("RP2350"), "{}", lines[3]);
}

#[test]
fn a_drive_takes_the_file_and_goes() {
    let fake = Fake::new("rp2350");
    let laid = fake.lay(None);
    let drive = fake.path("drive");
    let within =
        |seconds| volume::within(Duration::from_millis(seconds), &fake.chip, &laid, &drive);
    let error = within(1).unwrap_err();
    assert!(
        matches!(error, ChipError::OtherVolume { .. })
            && error.to_string().contains("no INFO_UF2.TXT"),
        "{error}"
    );
    fake.write(
        "drive/INFO_UF2.TXT",
        b"UF2 Bootloader v1.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n",
    );
    let error = within(1).unwrap_err();
    assert!(error.to_string().contains("says RPI-RP2"), "{error}");
    let info = fake.write("drive/INFO_UF2.TXT", b"UF2 Bootloader v1.0\r\nBoard-ID: RP2350\r\n");
    let error = within(10).unwrap_err();
    assert!(error.is_verdict() && matches!(error, ChipError::NotTaken { .. }), "{error}");
    // A board that starts when it has the last block.
    let file = fake.path("drive/door.uf2");
    fs::remove_file(&file).unwrap();
    let board = std::thread::spawn(move || {
        while fs::metadata(&file).map_or(0, |file| file.len()) < 32 * 512 {
            std::thread::sleep(Duration::from_millis(1));
        }
        fs::remove_file(info).unwrap();
        fs::read(&file).unwrap()
    });
    within(20_000).unwrap();
    let runs = uf2::runs(&board.join().unwrap(), 0xe48b_ff59).unwrap();
    assert_eq!(
        (runs.len(), runs[0].address, &runs[0].bytes[..7]),
        (32, 0x1000_0000, &b"vectors"[..])
    );
    let error = by_volume(&chip("stm32h743"), &laid, &drive).unwrap_err();
    assert!(matches!(error, ChipError::NoVolume), "{error}");
}

#[test]
fn rejects_programs_and_people_of_other_boards() {
    let fake = Fake::new("rp2350");
    let build = |bytes: &[u8], people: Option<&Path>| {
        let people = people.map(|path| (path, OURS));
        Image::build(&fake.chip, &fake.write("other", bytes), people).unwrap_err()
    };
    let error = build(b"MZ", None);
    assert!(matches!(error, ChipError::Elf { source: ElfError::NotArm, .. }), "{error}");
    let error = build(&elf(&[(1, 0x0800_0000, b"stm32")]), None);
    assert!(
        error
            .to_string()
            .contains("0x08000000..0x08000005, outside of the flash at 0x10000000..0x10400000"),
        "{error}"
    );
    assert!(matches!(build(&elf(&[(1, 0xffff_ffff, b"ab")]), None), ChipError::Outside { .. }));
    let error = build(&elf(&[(1, 0x103c_ffff, b"ab")]), None);
    assert!(error.to_string().contains("what is left of the people at 0x103d0000"), "{error}");
    let error = build(&uf2::encode(&[Run { address: 0, bytes: vec![1] }], 5, 256), None);
    assert!(matches!(error, ChipError::Uf2 { source: Uf2Error::Family { .. }, .. }), "{error}");

    let program = elf(&[(1, 0x1000_0000, b"code")]);
    let wrong = fake.write("people.json", b"{}");
    let error = build(&program, Some(&wrong));
    assert!(error.to_string().contains("device export"), "{error}");
    let text = fs::read_to_string(people(&fake, &[(4, "Ada", 5)])).unwrap();
    let wrong = fake.write("people.json", text.replace(MODEL, "01").as_bytes());
    let error = build(&program, Some(&wrong));
    assert!(error.to_string().contains("`01` is no model's id"), "{error}");
    let error = build(&program, Some(&people(&fake, &[(4, "", 5)])));
    assert!(error.to_string().contains("person 4: a name has 1 to 32 bytes"), "{error}");
    let elsewhere = Fake::new("stm32h743");
    let error = elsewhere.image(Some(&people(&fake, &[(4, "Ada", 5)]))).unwrap_err();
    assert!(error.to_string().contains("host-train device enroll"), "{error}");
}

/// What stands for cargo: the program is a copy of one, and says with what it was built.
const CARGO: &str = r#"#!/bin/sh
[ "$1 $2 $3 $4" = "build --release --locked --target-dir" ] || exit 3
[ "$(basename "$PWD")" = rp2350 ] || exit 4
[ ! -e "$FAKE/broken" ] || { echo "error: no such target" >&2; exit 101; }
mkdir -p "$5/thumbv8m.main-none-eabihf/release"
cp "$FAKE/elf" "$5/thumbv8m.main-none-eabihf/release/rp2350"
for name in detector.afm embedding.afm answer owner host; do wc -c < "$DOOR_FILES/$name"; done > "$FAKE/built"
"#;

#[test]
fn a_program_is_built_with_signed_networks_and_keys() {
    let mut fake = Fake::new("rp2350");
    let zoo = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/zoo/mobilefacenet-128.afm");
    let network = fs::read(zoo).unwrap();
    // Any network stands for a detector: what it is the door's self-test asks.
    fake.write("models/detector.afm", &network);
    fake.write("models/embedding.afm", &network);
    fake.write("elf", &elf(&[(1, 0x1000_0000, b"code")]));
    fs::create_dir_all(fake.path("source/rp2350")).unwrap();
    let key = fake.write("door.key", "07".repeat(32).as_bytes());
    let owner = model_format::writer::SigningKey::from_seed(&[5; 32]);
    let (folder, models) = (fake.path("source"), fake.path("models"));
    let source = Source { folder: &folder, models: &models, owner: &owner, key: &key };
    let files = fake.path("files");
    let error = source.build("rp2350", &fake.chip, &files).unwrap_err();
    let text = "detector.afm needs an arena of 602112 bytes, the board has 229376: `host-train plan --arena-limit 229376`";
    assert!(error.to_string().contains(text), "{error}");
    fake.chip.arena = 602_112;
    let build = |alone| source.among("rp2350", &fake.chip, &files, &fake.environment(alone));
    let error = build(true).unwrap_err();
    assert!(matches!(error, ChipError::NoTool { tool: "cargo", .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("rustup target add thumbv8m.main-none-eabihf"), "{text}");

    fake.tool("cargo", CARGO);
    let program = build(false).unwrap();
    assert_eq!(Image::build(&fake.chip, &program, None).unwrap().runs.len(), 1);
    let signed = fs::read(files.join("embedding.afm")).unwrap();
    let file = model_format::ModelFile::from_bytes(&signed).unwrap();
    file.view().verify(&owner.public()).unwrap();
    let sizes = fs::read_to_string(fake.path("built")).unwrap();
    assert_eq!(sizes, format!("{0}\n{0}\n20\n32\n32\n", signed.len()));
    assert_eq!(fs::read(files.join("host")).unwrap(), [7; 32]);
    assert_eq!(fs::read(files.join("owner")).unwrap(), owner.public().0);
    // As the firmware's own tests have it for this model.
    assert_eq!(fs::read(files.join("answer")).unwrap()[16..], 0xbd40_8ec8_u32.to_le_bytes());
    fake.write("broken", b"");
    let error = build(false).unwrap_err();
    assert!(error.is_verdict() && error.to_string().contains("no such target"), "{error}");
}
