//! Regenerates the code under `src/gen` from the `.proto` files and fails when what is checked in differs.
//! After changing a `.proto` file run `KROG_REGENERATE=1 cargo test -p krog-proto --test generated`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use prost::Message;
use prost_reflect::DescriptorPool;

const FILES: &[&str] = &[
    "krog/federation/v1/exchange.proto",
    "krog/federation/v1/library.proto",
    "krog/federation/v1/house.proto",
    "krog/federation/v1/pool.proto",
    "krog/federation/v1/template.proto",
    "krog/centre/v1/people.proto",
    "krog/centre/v1/groups.proto",
    "krog/centre/v1/check_ins.proto",
    "krog/centre/v1/sharing.proto",
    "krog/centre/v1/desk.proto",
];

fn generate(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compiler = protox::Compiler::new([root]).unwrap();
    compiler.include_imports(true).include_source_info(true);
    compiler
        .open_files(FILES.iter().map(|file| root.join(file)))
        .unwrap();
    let with_comments = compiler.file_descriptor_set();
    // Encoded by protox itself: custom options would be lost in prost-types.
    let full = compiler.encode_file_descriptor_set();

    tonic_prost_build::configure()
        .client_mod_attribute(".", "#[cfg(feature = \"rpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"rpc\")]")
        .skip_debug([".krog.centre.v1"])
        .emit_rerun_if_changed(false)
        .out_dir(out)
        .compile_fds(with_comments)
        .unwrap();

    let pool = DescriptorPool::decode(full.as_slice()).unwrap();
    let mut silent = String::new();
    for message in pool.all_messages() {
        if message.package_name() != "krog.centre.v1" {
            continue;
        }
        silent.push_str(&format!(
            "impl ::core::fmt::Debug for {name} {{\n    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{\n        f.write_str(\"{name}(..)\")\n    }}\n}}\n",
            name = message.name()
        ));
    }
    fs::write(out.join("krog.centre.v1.silent.rs"), silent).unwrap();
    fs::write(out.join("descriptor.bin"), &full).unwrap();
    // Reflection needs no comments, and reads faster without them.
    let mut bare = protox::Compiler::new([root]).unwrap();
    bare.include_imports(true).include_source_info(false);
    bare.open_files(FILES.iter().map(|file| root.join(file)))
        .unwrap();
    fs::write(
        out.join("reflection.bin"),
        bare.file_descriptor_set().encode_to_vec(),
    )
    .unwrap();
    // The options carry no code a Rust reader needs.
    let _ = fs::remove_file(out.join("krog.rs"));
    let _ = fs::remove_file(out.join("google.protobuf.rs"));

    fs::read_dir(out)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn the_generated_code_is_the_one_checked_in() {
    let checked_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen");
    let scratch = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gen");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).unwrap();
    let fresh = generate(&scratch);

    if std::env::var_os("KROG_REGENERATE").is_some() {
        for (name, bytes) in &fresh {
            fs::write(checked_in.join(name), bytes).unwrap();
        }
    }
    for (name, bytes) in &fresh {
        let old = fs::read(checked_in.join(name)).unwrap_or_default();
        assert!(
            &old == bytes,
            "src/gen/{name} differs from the .proto files: run KROG_REGENERATE=1 cargo test -p krog-proto --test generated"
        );
    }
    for entry in fs::read_dir(&checked_in).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            fresh.contains_key(&name),
            "src/gen/{name} is no longer generated: delete it"
        );
    }
}
