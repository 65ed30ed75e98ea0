//! The seeds of every fuzz target, replayed: the fuzzer needs a nightly compiler and time, this needs neither.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use invariants::PARSERS;

/// What all seeds may take together, in bytes: they are read by people and fetched with every clone.
const MAX_CORPUS: u64 = 300_000;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in fuzz").to_owned()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("a readable folder").path()).collect()
}

/// The seeds of a target. What a run of the fuzzer finds lies beside them and is not committed.
fn seeds(target: &str) -> Vec<PathBuf> {
    let mut seeds = entries(&fuzz().join("corpus").join(target));
    seeds.retain(|path| path.extension().is_some_and(|extension| extension == "seed"));
    seeds.sort();
    seeds
}

/// The names of a folder's entries, without their endings.
fn stems(folder: &str) -> BTreeSet<String> {
    let paths = entries(&fuzz().join(folder));
    paths.iter().map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

#[test]
fn every_seed_keeps_the_invariant_of_its_parser() {
    let mut broken = Vec::new();
    for (target, invariant) in PARSERS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target} has seeds");
        broken.extend(seeds.into_iter().filter(|seed| {
            let bytes = fs::read(seed).unwrap();
            catch_unwind(|| invariant(&bytes)).is_err()
        }));
    }
    assert_eq!(broken, Vec::<PathBuf>::new(), "what each of them breaks stands above");
}

/// The sizes at which a datagram's fate turns, of bytes of every kind; as seeds they would be long.
#[test]
fn datagrams_of_every_telling_size_keep_the_invariants_of_info() {
    for byte in [0, b' ', b'\n', b'x', b'{', 0x7f, 0x80, 0xff] {
        for size in [0, 1, 2, 511, 512, 513, 1_200, 1_201, 65_507] {
            invariants::info::requests(&vec![byte; size]);
            invariants::info::replies(&vec![byte; size]);
        }
    }
}

#[test]
fn every_parser_has_a_target_and_every_target_a_parser() {
    let parsers: BTreeSet<String> = PARSERS.iter().map(|(target, _)| (*target).to_owned()).collect();
    assert_eq!(stems("fuzz_targets"), parsers);
    assert_eq!(stems("corpus"), parsers);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let bins = manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let bins: BTreeSet<String> = bins.filter(|name| *name != "fuzz").map(str::to_owned).collect();
    assert_eq!(bins, parsers);
}

#[test]
fn the_corpus_stays_small() {
    let seeds = PARSERS.iter().flat_map(|(target, _)| seeds(target));
    let bytes: u64 = seeds.map(|seed| fs::metadata(seed).unwrap().len()).sum();
    assert!(bytes <= MAX_CORPUS, "{bytes} bytes of seeds");
}
