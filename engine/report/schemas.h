#pragma once

#include <array>
#include <string_view>

#include "engine/report/snapshot_json.h"

/// The JSON Schemas (2020-12) of everything that the command prints or reads as JSON.
namespace busproof::report {

extern const std::string_view kAssignSchema, kTreeSchema, kRulesSchema, kFindingsSchema, kHeadroomSchema, kLockSchema,
    kQemuArgsSchema;
extern const std::string_view kHostSchema, kHostOperationSchema, kHostRecoverySchema, kHostRehearsalSchema,
    kHostStatusSchema;

struct Schema {
  std::string_view name;
  std::string_view of;  ///< who prints or reads it
  const std::string_view& text;
};

inline const std::array kSchemas = {
    Schema{"assign", "assign --format json", kAssignSchema},
    Schema{"findings", "diff --format json, check --format json", kFindingsSchema},
    Schema{"headroom", "headroom --format json", kHeadroomSchema},
    Schema{"host", "host list|show|groups --format json, tree --host --format json", kHostSchema},
    Schema{"host-operation", "host plan|detach|reattach|reset|prepare|release --format json", kHostOperationSchema},
    Schema{"host-recovery", "host recover --format json", kHostRecoverySchema},
    Schema{"host-rehearsal", "host rehearse --format json", kHostRehearsalSchema},
    Schema{"host-status", "host status --format json", kHostStatusSchema},
    Schema{"lock", "busproof.lock", kLockSchema},
    Schema{"qemu-args", "qemu-args --format json", kQemuArgsSchema},
    Schema{"rules", "rules --format json", kRulesSchema},
    Schema{"snapshot", "snapshot", kSnapshotSchema},
    Schema{"tree", "tree --format json", kTreeSchema},
};

}  // namespace busproof::report
