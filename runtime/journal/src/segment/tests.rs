//! Segments written, torn and read back.

use std::sync::Arc;

use parloir_store::disk::interposed::{Interposer, Step, interposed};
use parloir_store::disk::{Disk, OsDisk};
use proptest::prelude::*;

use super::*;

fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

fn open(data: &Path) -> Tail {
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    Tail::open(&disk, data, Log::Journal, &tenant()).unwrap()
}

fn file(data: &Path) -> PathBuf {
    path(&Log::Journal.folder(data, &tenant()), 1)
}

fn payloads(data: &Path) -> Vec<Vec<u8>> {
    let folder = Log::Journal.folder(data, &tenant());
    let mut all = Vec::new();
    for number in numbers(&folder).unwrap() {
        let segment = Segment::read(&folder, Log::Journal, &tenant(), number, 0).unwrap();
        assert!(segment.head_is_right);
        for found in segment.frames() {
            let Found::Frame { payload, .. } = found else { panic!("{found:?}") };
            all.push(payload.to_vec());
        }
    }
    all
}

fn append(tail: &mut Tail, payload: &[u8]) -> Location {
    tail.append(FrameKind::Chunk, payload).unwrap()
}

#[test]
fn frames_read_back_across_segments_and_restarts() {
    let data = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..3_u8 {
        let mut tail = open(data.path());
        tail.limit(500);
        for number in 0..20 {
            let payload = vec![number; usize::from(number) * 10 + usize::from(round)];
            append(&mut tail, &payload);
            expected.push(payload);
        }
        tail.commit().unwrap();
    }
    assert_eq!(payloads(data.path()), expected);
    assert!(numbers(&Log::Journal.folder(data.path(), &tenant())).unwrap().len() > 5);
}

#[test]
fn a_frame_is_found_again_where_it_was_said_to_be() {
    let data = tempfile::tempdir().unwrap();
    let mut tail = open(data.path());
    let places = [b"one", b"two", b"six"].map(|payload| append(&mut tail, payload));
    tail.commit().unwrap();
    append(&mut tail, b"ten");
    tail.commit().unwrap();
    let folder = Log::Journal.folder(data.path(), &tenant());
    assert_eq!(frame_at(&folder, places[1]).unwrap().as_deref(), Some(&b"two"[..]));
    // From the middle of a group on, without its head.
    let rest = Segment::read(&folder, Log::Journal, &tenant(), 1, places[1].offset).unwrap();
    let rest: Vec<_> = rest
        .frames()
        .map(|found| match found {
            Found::Frame { payload, .. } => payload.to_vec(),
            Found::Bad { what, .. } => panic!("{what}"),
        })
        .collect();
    assert_eq!(rest, [b"two", b"six", b"ten"]);
}

#[test]
fn a_group_torn_anywhere_is_cut_off_and_kept_aside() {
    let data = tempfile::tempdir().unwrap();
    let mut tail = open(data.path());
    append(&mut tail, b"whole");
    tail.commit().unwrap();
    let whole = tail.end().offset;
    append(&mut tail, b"will be torn");
    tail.commit().unwrap();
    let bytes = fs::read(file(data.path())).unwrap();
    for length in whole as usize..bytes.len() {
        fs::write(file(data.path()), &bytes[..length]).unwrap();
        let mut tail = open(data.path());
        assert_eq!(tail.end().offset, whole);
        append(&mut tail, b"next");
        tail.commit().unwrap();
        assert_eq!(payloads(data.path()), [b"whole".to_vec(), b"next".to_vec()]);
    }
}

#[test]
fn a_hole_that_a_power_cut_leaves_before_a_whole_frame_is_cut_off_with_its_group() {
    let data = tempfile::tempdir().unwrap();
    let mut tail = open(data.path());
    append(&mut tail, b"acknowledged");
    tail.commit().unwrap();
    let whole = tail.end().offset as usize;
    let frames: Vec<_> = (0..4_u8).map(|n| append(&mut tail, &[n; 700]).offset as usize).collect();
    tail.commit().unwrap();
    let good = fs::read(file(data.path())).unwrap();
    // Each sector of the group that was being written may be missing while all others are there.
    for sector in whole / 512..=frames[3] / 512 {
        let mut bytes = good.clone();
        bytes[(sector * 512).max(whole)..(sector + 1) * 512].fill(0);
        fs::write(file(data.path()), &bytes).unwrap();
        assert_eq!(open(data.path()).end().offset as usize, whole, "sector {sector}");
        assert_eq!(payloads(data.path()), [b"acknowledged".to_vec()]);
        let kept = fs::read_dir(Log::Journal.folder(data.path(), &tenant())).unwrap();
        let kept = kept.map(|entry| entry.unwrap().path()).filter(|path| *path != file(data.path()));
        for path in kept {
            assert_eq!(fs::read(&path).unwrap(), bytes[whole..]);
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn damage_before_a_whole_group_is_told_and_never_cut_off() {
    let data = tempfile::tempdir().unwrap();
    let mut tail = open(data.path());
    let mut places = Vec::new();
    for number in 0..3_u8 {
        places.push(append(&mut tail, &[number; 40]).offset);
        tail.commit().unwrap();
    }
    let folder = Log::Journal.folder(data.path(), &tenant());
    let mut bytes = fs::read(file(data.path())).unwrap();
    bytes[places[1] as usize + 20] ^= 1;
    fs::write(file(data.path()), &bytes).unwrap();
    drop(open(data.path()));
    assert_eq!(fs::read(file(data.path())).unwrap(), bytes);
    let segment = Segment::read(&folder, Log::Journal, &tenant(), 1, 0).unwrap();
    let found: Vec<_> = segment.frames().collect();
    assert!(matches!(found[0], Found::Frame { payload: [0, ..], .. }));
    let group = places[1] - GROUP_HEAD as u64;
    assert!(matches!(found[1], Found::Bad { offset, end, .. } if offset == group && end == places[1]));
    assert!(matches!(found[2], Found::Bad { offset, .. } if offset == places[1]));
    assert!(matches!(found[3], Found::Frame { payload: [2, ..], .. }));
    // And where a torn group follows, that alone is cut off.
    let whole = bytes.len();
    bytes.extend_from_slice(MARK);
    fs::write(file(data.path()), &bytes).unwrap();
    assert_eq!(open(data.path()).end().offset as usize, whole);
}

#[test]
fn bytes_of_another_segment_in_a_hole_are_no_group_of_this_one() {
    let data = tempfile::tempdir().unwrap();
    let mut tail = open(data.path());
    append(&mut tail, b"mine");
    tail.commit().unwrap();
    let whole = tail.end().offset;
    let mut frames = Vec::new();
    put_frame(&mut frames, FrameKind::Chunk.byte(), b"stale");
    let good = fs::read(file(data.path())).unwrap();
    for (number, at, stays) in [(1, whole, true), (2, whole, false), (1, whole + 1, false)] {
        let bytes = [good.clone(), group_head(number, at, 1, &frames), frames.clone()].concat();
        fs::write(file(data.path()), bytes).unwrap();
        assert_eq!(open(data.path()).end().offset > whole, stays, "segment {number}, place {at}");
    }
    let miscounted = [good.clone(), group_head(1, whole, 2, &frames), frames.clone()].concat();
    fs::write(file(data.path()), miscounted).unwrap();
    assert_eq!(open(data.path()).end().offset, whole);
}

/// Writes down what was made durable.
#[derive(Debug, Default)]
struct Watched(parking_lot::Mutex<Vec<PathBuf>>);

impl Interposer for Watched {
    fn after(&self, step: Step<'_>) {
        if let Step::Sync(path) | Step::SyncFolder(path) = step {
            self.0.lock().push(path.to_owned());
        }
    }
}

#[test]
fn what_a_killed_program_wrote_and_never_synced_is_durable_before_a_log_is_open_again() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let mut tail = open(&data);
    append(&mut tail, b"written");
    tail.commit().unwrap();
    drop(tail);
    let watched = Arc::new(Watched::default());
    drop(Tail::open(&interposed(&watched), &data, Log::Journal, &tenant()).unwrap());
    let synced = watched.0.lock().clone();
    let folder = Log::Journal.folder(&data, &tenant());
    for path in [file(&data), folder.clone(), data.join("journal"), data.clone(), place.path().to_owned()] {
        assert!(synced.contains(&path), "{} is not in {synced:?}", path.display());
    }
}

#[test]
fn a_blanked_frame_leaves_all_others_where_they_were_and_the_segment_whole() {
    let data = tempfile::tempdir().unwrap();
    let mut tail = open(data.path());
    let mut places = Vec::new();
    for group in 0..4_u8 {
        for frame in 0..3_u8 {
            places.push(append(&mut tail, &[group * 16 + frame + 1; 100]));
        }
        tail.commit().unwrap();
    }
    let folder = Log::Journal.folder(data.path(), &tenant());
    let name = tenant();
    let blank = |kind, payload: &[u8]| {
        assert_eq!(kind, FrameKind::Chunk);
        (payload[0] == 0x12).then(|| (FrameKind::ErasedChunk, vec![0; payload.len()]))
    };
    let (bytes, changed) = blanked(&folder, (Log::Journal, &name, 1), blank).unwrap().unwrap();
    assert_eq!(changed, 1);
    assert_eq!(bytes.len() as u64, fs::metadata(file(data.path())).unwrap().len());
    fs::write(file(data.path()), &bytes).unwrap();
    drop(tail);
    // Whole, also for a start, which cuts off what is not.
    let mut tail = open(data.path());
    assert_eq!(tail.end().offset, bytes.len() as u64);
    assert_eq!(tail.roll().unwrap(), 2);
    assert_eq!(tail.roll().unwrap(), 2, "an empty segment is not left behind");
    let segment = Segment::read(&folder, Log::Journal, &tenant(), 1, 0).unwrap();
    let found: Vec<_> = segment.frames().collect();
    assert_eq!(found.len(), 12);
    for (found, place) in found.iter().zip(&places) {
        let Found::Frame { offset, kind, payload } = found else { panic!("{found:?}") };
        assert_eq!(*offset, place.offset);
        assert_eq!(*kind == FrameKind::ErasedChunk, payload[0] == 0);
    }
    let again = blanked(&folder, (Log::Journal, &name, 1), |_, _| None).unwrap();
    assert!(again.is_none());
}

#[test]
fn another_programs_segments_are_refused_and_left_as_they_are() {
    assert_eq!(u16::from(MAGIC[7] - b'0'), crate::RECORD_VERSION, "they are raised together");
    for (version, found) in [MAGIC[7] - 1, MAGIC[7] + 1].map(|version| (version, version - b'0')) {
        let data = tempfile::tempdir().unwrap();
        drop(open(data.path()));
        let mut bytes = fs::read(file(data.path())).unwrap();
        bytes[7] = version;
        fs::write(file(data.path()), &bytes).unwrap();
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        let error = Tail::open(&disk, data.path(), Log::Journal, &tenant()).err().unwrap();
        assert!(error.to_string().contains(&format!("in version {found} of")), "{error}");
        assert_eq!(refuse_others(data.path()).unwrap_err().to_string(), error.to_string());
        assert_eq!(fs::read(file(data.path())).unwrap(), bytes);
    }
}

#[cfg(unix)]
#[test]
fn segments_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    drop(open(data.path()));
    assert_eq!(fs::metadata(file(data.path())).unwrap().permissions().mode() & 0o777, 0o600);
}

proptest! {
    #[test]
    fn whatever_the_bytes_reading_ends_and_what_is_found_is_in_order(bytes in vec_with_marks()) {
        let data = tempfile::tempdir().unwrap();
        drop(open(data.path()));
        let begin = fs::read(file(data.path())).unwrap();
        fs::write(file(data.path()), [begin, bytes].concat()).unwrap();
        let folder = Log::Journal.folder(data.path(), &tenant());
        let segment = Segment::read(&folder, Log::Journal, &tenant(), 1, 0).unwrap();
        let mut last = 0;
        for found in segment.frames() {
            let (Found::Frame { offset, .. } | Found::Bad { offset, .. }) = found;
            prop_assert!(offset >= last);
            last = offset;
        }
        prop_assert!(segment.whole() <= segment.base + segment.bytes.len() as u64);
    }
}

/// Bytes in which frames and groups, whole and not, are likely.
fn vec_with_marks() -> impl Strategy<Value = Vec<u8>> {
    let frame = (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(|(kind, payload)| {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, kind % 8, &payload);
        bytes
    });
    let group = (0..3_u32, 0..80_u64, frame.clone())
        .prop_map(|(count, at, frame)| [group_head(1, at, count, &frame), frame].concat());
    let other = proptest::collection::vec(any::<u8>(), 0..20);
    let piece = prop_oneof![frame, group, other];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}
