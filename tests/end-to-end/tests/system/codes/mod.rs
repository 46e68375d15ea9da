//! Codes made, imported and changed by jobs, beside people who redeem them.

mod changing;
mod generating;
mod importing;

use rig::{World, world::Setup};

pub async fn world(codes: usize) -> World {
    World::start(Setup { codes, files: true, ..Setup::default() }).await
}

/// Nothing is broken, and every figure equals a recount.
pub async fn assert_whole(world: &World) {
    let broken = world.broken(false).await;
    assert!(broken.is_empty(), "{broken:#?}");
}
