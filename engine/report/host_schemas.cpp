#include <algorithm>
#include <array>

#include "engine/report/schemas.h"

namespace busproof::report {
namespace {

/// The texts one after the other, put together when this is compiled.
template <const std::string_view&... kParts>
struct Joined {
  static constexpr auto kText = [] {
    std::array<char, (kParts.size() + ...)> text{};
    auto end = text.begin();
    ((end = std::ranges::copy(kParts, end).out), ...);
    return text;
  }();
  static constexpr std::string_view kView{kText.data(), kText.size()};
};

// clang-format off
// Definitions that several of the schemas have.
constexpr std::string_view kAddressDefinition = R"json(    "address": {"type": "string", "pattern": "^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]$"},
)json";
constexpr std::string_view kTroubleDefinition = R"json(    "trouble": {
      "type": "object",
      "required": ["code", "message", "device", "step", "path", "errno", "error", "hints"],
      "additionalProperties": false,
      "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "device": {"type": ["string", "null"]},
        "step": {"type": ["string", "null"]},
        "path": {"type": ["string", "null"]},
        "errno": {"type": ["integer", "null"]},
        "error": {"type": ["string", "null"]},
        "hints": {"type": "array", "items": {"type": "string"}}
      }
    },
)json";
constexpr std::string_view kOutcomeDefinition = R"json(    "outcome": {
      "type": "object",
      "required": ["driver", "override", "address", "present", "residual"],
      "additionalProperties": false,
      "properties": {
        "driver": {"type": ["string", "null"]},
        "override": {"type": ["string", "null"]},
        "address": {"$ref": "#/$defs/address"},
        "present": {"type": "boolean"},
        "residual": {"type": ["string", "null"]}
      }
    },
)json";
constexpr std::string_view kRecoveredDefinition = R"json(    "recovered": {
      "type": "object",
      "required": ["journal", "result", "outcome", "errors"],
      "additionalProperties": false,
      "properties": {
        "journal": {"type": "string"},
        "result": {"enum": ["finished", "undone", "forgotten", "pending", "running", "damaged"]},
        "outcome": {"type": "array", "items": {"$ref": "#/$defs/outcome"}},
        "errors": {"type": "array", "items": {"$ref": "#/$defs/trouble"}}
      }
    },
)json";
constexpr std::string_view kRefusalDefinition = R"json(    "refusal": {
      "type": "object",
      "required": ["schema_version", "result", "error"],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "result": {"const": "refused"},
        "error": {"$ref": "#/$defs/trouble"}
      }
    },
)json";
constexpr std::string_view kFindingDefinition = R"json(    "finding": {
      "type": "object",
      "required": ["address", "finding", "text"],
      "additionalProperties": false,
      "properties": {
        "address": {"$ref": "#/$defs/address"},
        "finding": {
          "enum": [
            "before-boot",
            "given-back",
            "vanished",
            "stolen",
            "unbound",
            "identity-changed",
            "back",
            "unknown-stub",
            "forgotten",
            "id-leaked"
          ]
        },
        "text": {"type": "string"}
      }
    },
)json";

constexpr std::string_view kHostHead = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "What busproof host list, show and groups, and tree --host, tell of a host",
  "anyOf": [
    {"$ref": "#/$defs/inventory"},
    {"type": "array", "items": {"$ref": "#/$defs/device"}},
    {"type": "array", "items": {"$ref": "#/$defs/group"}}
  ],
  "$defs": {
)json";
constexpr std::string_view kHostDefinitions = R"json(    "id": {"type": "string", "pattern": "^0x[0-9a-f]{4}$"},
    "known": {"enum": ["yes", "no", "unknown"]},
    "inventory": {
      "type": "object",
      "required": ["kernel", "boot_id", "devices", "groups", "drivers", "warnings"],
      "additionalProperties": false,
      "properties": {
        "kernel": {"type": "string"},
        "boot_id": {"type": "string"},
        "devices": {"type": "array", "items": {"$ref": "#/$defs/device"}},
        "groups": {"type": "array", "items": {"$ref": "#/$defs/group"}},
        "drivers": {"type": "array", "items": {"type": "string"}},
        "warnings": {"type": "array", "items": {"type": "string"}}
      }
    },
    "device": {
      "type": "object",
      "required": [
        "address",
        "vendor",
        "device",
        "subvendor",
        "subdevice",
        "class",
        "revision",
        "modalias",
        "driver",
        "driver_override",
        "iommu_group",
        "numa_node",
        "parent",
        "root_bus",
        "physfn",
        "virtfns",
        "sriov_totalvfs",
        "net",
        "boot_vga",
        "reset",
        "reset_methods",
        "vfio_dev",
        "consumers",
        "suppliers",
        "config",
        "in_use"
      ],
      "additionalProperties": false,
      "properties": {
        "address": {"$ref": "#/$defs/address"},
        "vendor": {"$ref": "#/$defs/id"},
        "device": {"$ref": "#/$defs/id"},
        "subvendor": {"$ref": "#/$defs/id"},
        "subdevice": {"$ref": "#/$defs/id"},
        "class": {"type": "string", "pattern": "^0x[0-9a-f]{6}$"},
        "revision": {"type": "string", "pattern": "^0x[0-9a-f]{2}$"},
        "modalias": {"type": "string"},
        "driver": {"type": ["string", "null"]},
        "driver_override": {"type": ["string", "null"]},
        "iommu_group": {"type": ["integer", "null"]},
        "numa_node": {"type": ["integer", "null"]},
        "parent": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/address"}]},
        "root_bus": {"type": "string"},
        "physfn": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/address"}]},
        "virtfns": {"type": "array", "items": {"$ref": "#/$defs/address"}},
        "sriov_totalvfs": {"type": ["integer", "null"]},
        "net": {"type": "array", "items": {"type": "string"}},
        "boot_vga": {"type": "boolean"},
        "reset": {"type": "boolean"},
        "reset_methods": {"oneOf": [{"type": "null"}, {"type": "array", "items": {"type": "string"}}]},
        "vfio_dev": {"type": "boolean"},
        "consumers": {"type": "array", "items": {"$ref": "#/$defs/address"}},
        "suppliers": {"type": "array", "items": {"$ref": "#/$defs/address"}},
        "config": {
          "type": "object",
          "required": [
            "visible",
            "responding",
            "header",
            "multifunction",
            "express",
            "power_management",
            "pm_reset",
            "flr",
            "af_flr",
            "acs",
            "acs_isolates",
            "secondary",
            "subordinate",
            "trouble"
          ],
          "additionalProperties": false,
          "properties": {
            "visible": {"type": "integer"},
            "responding": {"$ref": "#/$defs/known"},
            "header": {"type": ["integer", "null"]},
            "multifunction": {"type": "boolean"},
            "express": {"$ref": "#/$defs/known"},
            "power_management": {"$ref": "#/$defs/known"},
            "pm_reset": {"$ref": "#/$defs/known"},
            "flr": {"$ref": "#/$defs/known"},
            "af_flr": {"$ref": "#/$defs/known"},
            "acs": {"$ref": "#/$defs/known"},
            "acs_isolates": {"$ref": "#/$defs/known"},
            "secondary": {"type": ["integer", "null"]},
            "subordinate": {"type": ["integer", "null"]},
            "trouble": {"type": "string"}
          }
        },
        "in_use": {"type": "array", "items": {"type": "string"}, "description": "how the host itself depends on it"}
      }
    },
    "group": {
      "type": "object",
      "required": ["number", "type", "devices", "foreign"],
      "additionalProperties": false,
      "properties": {
        "number": {"type": "integer"},
        "type": {"type": "string"},
        "devices": {"type": "array", "items": {"$ref": "#/$defs/address"}},
        "foreign": {"type": "array", "items": {"type": "string"}}
      }
    }
  }
}
)json";

constexpr std::string_view kHostOperationHead = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "What busproof host plan shows, and what detach, reattach, reset, prepare and release did or why not",
  "oneOf": [{"$ref": "#/$defs/plan"}, {"$ref": "#/$defs/performance"}, {"$ref": "#/$defs/refusal"}],
  "$defs": {
)json";
constexpr std::string_view kHostOperationDefinitions = R"json(    "binding": {
      "type": "object",
      "required": ["driver", "override"],
      "additionalProperties": false,
      "properties": {"driver": {"type": ["string", "null"]}, "override": {"type": ["string", "null"]}}
    },
    "step": {
      "type": "object",
      "required": ["step", "device", "from", "to", "path", "value"],
      "additionalProperties": false,
      "properties": {
        "step": {
          "enum": [
            "set-override",
            "unbind",
            "probe",
            "check-usable",
            "reset",
            "add-id",
            "bind",
            "remove-id",
            "set-mac",
            "set-vlan"
          ]
        },
        "device": {"$ref": "#/$defs/address"},
        "from": {"type": "string"},
        "to": {"type": "string"},
        "path": {"type": ["string", "null"]},
        "value": {"type": ["string", "null"]}
      }
    },
    "plan": {
      "type": "object",
      "required": [
        "schema_version",
        "result",
        "operation",
        "modules",
        "steps",
        "devices",
        "notes",
        "forced",
        "error"
      ],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "result": {"const": "planned"},
        "operation": {"enum": ["detach", "reattach", "reset", "prepare", "release"]},
        "modules": {"type": "array", "items": {"type": "string"}},
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
        "devices": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["address", "before", "after"],
            "additionalProperties": false,
            "properties": {
              "address": {"$ref": "#/$defs/address"},
              "before": {"$ref": "#/$defs/binding"},
              "after": {"$ref": "#/$defs/binding"}
            }
          }
        },
        "notes": {"type": "array", "items": {"type": "string"}},
        "forced": {"type": "array", "items": {"$ref": "#/$defs/trouble"}},
        "error": {"type": "null"}
      }
    },
    "performance": {
      "type": "object",
      "required": [
        "schema_version",
        "result",
        "operation",
        "modules",
        "steps",
        "devices",
        "notes",
        "forced",
        "error",
        "secondary",
        "outcome",
        "recovered"
      ],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "result": {"enum": ["done", "already", "rolled-back", "failed"]},
        "operation": {"enum": ["detach", "reattach", "reset", "prepare", "release"]},
        "modules": {"type": "array", "items": {"type": "string"}},
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
        "devices": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["address", "before", "after"],
            "additionalProperties": false,
            "properties": {
              "address": {"$ref": "#/$defs/address"},
              "before": {"$ref": "#/$defs/binding"},
              "after": {"$ref": "#/$defs/binding"}
            }
          }
        },
        "notes": {"type": "array", "items": {"type": "string"}},
        "forced": {"type": "array", "items": {"$ref": "#/$defs/trouble"}},
        "error": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/trouble"}]},
        "secondary": {"type": "array", "items": {"$ref": "#/$defs/trouble"}},
        "outcome": {"type": "array", "items": {"$ref": "#/$defs/outcome"}},
        "recovered": {"type": "array", "items": {"$ref": "#/$defs/recovered"}}
      }
    }
  }
}
)json";

constexpr std::string_view kHostRecoveryHead = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "What busproof host recover finished, undid and mended",
  "oneOf": [{"$ref": "#/$defs/recovery"}, {"$ref": "#/$defs/refusal"}],
  "$defs": {
)json";
constexpr std::string_view kHostRecoveryDefinitions = R"json(    "recovery": {
      "type": "object",
      "required": ["schema_version", "journals", "ledger"],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "journals": {"type": "array", "items": {"$ref": "#/$defs/recovered"}},
        "ledger": {"type": "array", "items": {"$ref": "#/$defs/finding"}}
      }
    }
  }
}
)json";

constexpr std::string_view kHostRehearsalHead = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "How an operation went on copies of a host, under every fault and crash",
  "oneOf": [{"$ref": "#/$defs/rehearsal"}, {"$ref": "#/$defs/refusal"}],
  "$defs": {
)json";
constexpr std::string_view kHostRehearsalDefinitions = R"json(    "rehearsal": {
      "type": "object",
      "required": ["schema_version", "runs", "broken", "violations"],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "runs": {"type": "integer"},
        "broken": {"type": "integer"},
        "violations": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["fault", "law", "device", "text"],
            "additionalProperties": false,
            "properties": {
              "fault": {"type": "string"},
              "law": {"type": "string", "pattern": "^INV-[0-9]+$"},
              "device": {"type": ["string", "null"]},
              "text": {"type": "string"}
            }
          }
        }
      }
    }
  }
}
)json";

constexpr std::string_view kHostStatusHead = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Who has which device of a host, as busproof host status tells it",
  "oneOf": [{"$ref": "#/$defs/status"}, {"$ref": "#/$defs/refusal"}],
  "$defs": {
)json";
constexpr std::string_view kHostStatusDefinitions = R"json(    "entry": {
      "type": "object",
      "required": [
        "address",
        "pin",
        "boot_id",
        "origin",
        "origin_module",
        "stub",
        "managed",
        "list",
        "owner",
        "namespaces",
        "flags",
        "net_origin"
      ],
      "additionalProperties": false,
      "properties": {
        "address": {"$ref": "#/$defs/address"},
        "pin": {
          "type": "object",
          "required": ["vendor", "device", "subvendor", "subdevice", "class", "revision"],
          "additionalProperties": false,
          "properties": {
            "vendor": {"type": "integer"},
            "device": {"type": "integer"},
            "subvendor": {"type": "integer"},
            "subdevice": {"type": "integer"},
            "class": {"type": "integer"},
            "revision": {"type": "integer"}
          }
        },
        "boot_id": {"type": "string"},
        "origin": {
          "type": "object",
          "required": ["driver", "override"],
          "additionalProperties": false,
          "properties": {
            "driver": {"type": ["string", "null"]},
            "override": {"type": ["string", "null"]},
            "any_driver": {"type": "boolean"}
          }
        },
        "origin_module": {"type": "string"},
        "stub": {"type": "string"},
        "managed": {"type": "boolean"},
        "list": {"enum": ["active", "inactive"]},
        "owner": {
          "oneOf": [
            {"type": "null"},
            {
              "type": "object",
              "required": ["driver", "domain"],
              "additionalProperties": false,
              "properties": {"driver": {"type": "string"}, "domain": {"type": "string"}}
            }
          ]
        },
        "namespaces": {"type": "array", "items": {"type": "integer"}},
        "flags": {
          "type": "array",
          "items": {
            "enum": [
              "deferred-giveback",
              "quarantined",
              "stolen",
              "vanished",
              "native-probe-failed",
              "identity-changed",
              "conflict",
              "pending",
              "id-leaked"
            ]
          }
        },
        "net_origin": {
          "oneOf": [
            {"type": "null"},
            {
              "type": "object",
              "required": ["mac", "vlan"],
              "additionalProperties": false,
              "properties": {"mac": {"type": "string"}, "vlan": {"type": "integer"}}
            }
          ]
        }
      }
    },
    "status": {
      "type": "object",
      "required": ["schema_version", "devices", "unfinished", "unreadable_journals", "findings"],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "devices": {"type": "array", "items": {"$ref": "#/$defs/entry"}},
        "unfinished": {"type": "array", "items": {"$ref": "#/$defs/address"}},
        "unreadable_journals": {"type": "array", "items": {"type": "string"}},
        "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}}
      }
    }
  }
}
)json";

// clang-format on

}  // namespace

const std::string_view kHostSchema = Joined<kHostHead, kAddressDefinition, kHostDefinitions>::kView;
const std::string_view kHostOperationSchema =
    Joined<kHostOperationHead, kAddressDefinition, kTroubleDefinition, kOutcomeDefinition, kRecoveredDefinition,
           kRefusalDefinition, kHostOperationDefinitions>::kView;
const std::string_view kHostRecoverySchema =
    Joined<kHostRecoveryHead, kAddressDefinition, kTroubleDefinition, kOutcomeDefinition, kRecoveredDefinition,
           kRefusalDefinition, kFindingDefinition, kHostRecoveryDefinitions>::kView;
const std::string_view kHostRehearsalSchema =
    Joined<kHostRehearsalHead, kTroubleDefinition, kRefusalDefinition, kHostRehearsalDefinitions>::kView;
const std::string_view kHostStatusSchema =
    Joined<kHostStatusHead, kAddressDefinition, kTroubleDefinition, kRefusalDefinition, kFindingDefinition,
           kHostStatusDefinitions>::kView;

}  // namespace busproof::report
