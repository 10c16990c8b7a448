//! Turns `proto/` into the Rust code that the other rooms commit.
//!
//! Run it from anywhere in the workspace: `cargo run -p selsyn-codegen`. It needs no protoc.
//! Messages go to `common`, client stubs to `master`, server stubs to `slave`; the stubs name
//! the messages through `selsyn_common::proto`.

use std::error::Error;
use std::fs;
use std::path::Path;

use prost::Message;
use protox::prost_reflect::prost_types::FileDescriptorSet;
use tonic_prost_build::Builder;

const FILES: [&str; 3] = ["task", "session", "control"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("codegen/ lies inside the workspace")?;
    let descriptors = compile(root)?;
    write_messages(root, &descriptors)?;
    let stubs = |builder: Builder| {
        let builder = builder.extern_path(".selsyn.v1", "::selsyn_common::proto");
        // By hand, so that a stranger cannot make a small message a large list.
        let builder = builder.extern_path(
            ".selsyn.v1.MasterBatch",
            "::selsyn_common::link::batch::Batch<::selsyn_common::proto::FromMaster>",
        );
        builder.extern_path(
            ".selsyn.v1.SlaveBatch",
            "::selsyn_common::link::batch::Batch<::selsyn_common::proto::FromSlave>",
        )
    };
    let configure = tonic_prost_build::configure;
    generate(stubs(configure().build_server(false)), &descriptors, root, "master")?;
    // The slave keeps events as the bytes that leave.
    let slave = stubs(configure().build_client(false))
        .extern_path(".selsyn.v1.WatchReply", "crate::records::EventBytes");
    generate(slave, &descriptors, root, "slave")?;
    Ok(())
}

/// Reads the three files of the wire.
fn compile(root: &Path) -> Result<FileDescriptorSet, Box<dyn Error>> {
    let include = root.join("proto");
    let files = FILES.map(|name| include.join(format!("selsyn/v1/{name}.proto")));
    Ok(protox::compile(files, [include])?)
}

/// Writes the messages, and the descriptors that reflection serves.
fn write_messages(root: &Path, descriptors: &FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    let messages = tonic_prost_build::configure()
        .bytes(".")
        .extern_path(".selsyn.v1.MasterBatch", "crate::link::batch::Batch<FromMaster>")
        .extern_path(".selsyn.v1.SlaveBatch", "crate::link::batch::Batch<FromSlave>")
        // What is rare is large: it shall not make every frame as large.
        .boxed(".selsyn.v1.FromMaster.frame.hello")
        .boxed(".selsyn.v1.FromSlave.frame.welcome")
        .boxed(".selsyn.v1.Start.particulars")
        .boxed(".selsyn.v1.Refused.refusal")
        .boxed(".selsyn.v1.Rejected.refusal")
        .boxed(".selsyn.v1.GoodbyeRefused.refusal")
        .boxed(".selsyn.v1.Outcome.result.failure")
        .boxed(".selsyn.v1.Output.content.progress")
        .boxed(".selsyn.v1.Output.content.plot")
        .boxed(".selsyn.v1.Event.what.ended")
        .boxed(".selsyn.v1.Output.content.table")
        .boxed(".selsyn.v1.Output.content.container")
        .boxed(".selsyn.v1.Output.content.custom")
        .boxed(".selsyn.v1.Output.content.part")
        .boxed(".selsyn.v1.ExecutionPart.failure")
        .boxed(".selsyn.v1.Outcome.measured")
        .build_client(false)
        .build_server(false);
    generate(messages, descriptors, root, "common")?;
    let path = root.join("common/src/generated/selsyn.v1.bin");
    fs::write(path, descriptors.encode_to_vec())?;
    Ok(())
}

/// Writes what `builder` makes of the descriptors into the room's `src/generated`.
fn generate(
    builder: Builder,
    descriptors: &FileDescriptorSet,
    root: &Path,
    room: &str,
) -> Result<(), Box<dyn Error>> {
    let folder = root.join(room).join("src/generated");
    fs::create_dir_all(&folder)?;
    builder.out_dir(folder).compile_fds(descriptors.clone())?;
    Ok(())
}
