//! The wire of Krog: messages generated from the `.proto` files, and nothing else.
//!
//! Messages need `prost` alone. The service stubs stand behind the feature `rpc`, which is off by default, so that the
//! pure rooms (gate, feeds, templates) never see an async runtime. The code under `gen/` is checked in; a test
//! regenerates it and compares.

/// What crosses the wall: entries, rosters, releases, templates, and the calls between nodes. No message here can carry
/// a person; a test walks the descriptors.
pub mod federation {
    /// Version 1.
    #[allow(missing_docs, clippy::all, clippy::disallowed_methods)]
    #[rustfmt::skip]
    pub mod v1 {
        include!("gen/krog.federation.v1.rs");
    }
}

/// What a centre's own people call. Carries personal data, so `Debug` of every message is silent.
pub mod centre {
    /// Version 1.
    #[allow(missing_docs, clippy::all, clippy::disallowed_methods)]
    #[rustfmt::skip]
    pub mod v1 {
        include!("gen/krog.centre.v1.rs");
        include!("gen/krog.centre.v1.silent.rs");
    }
}

/// The descriptors of both packages with comments and options, as an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptor.bin");

/// The descriptors of both packages for gRPC reflection.
pub const REFLECTION_SET: &[u8] = include_bytes!("gen/reflection.bin");
