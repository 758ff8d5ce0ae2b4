#pragma once

namespace busproof {

/// For whoever works on one file after the other: what one's work frees the next one's needs again, so the allocator is
/// not to hand it back to the system and fetch it anew, page by page, in between. Holds for the whole process.
void keep_freed_memory();

}  // namespace busproof
