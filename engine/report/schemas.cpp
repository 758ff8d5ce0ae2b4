#include "engine/report/schemas.h"

namespace busproof::report {

// clang-format off
const std::string_view kAssignSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "What busproof assign says of each file",
  "type": "array",
  "items": {
    "type": "object",
    "required": ["schema_version", "file", "verdict", "changed", "error", "warnings", "devices", "xml"],
    "additionalProperties": false,
    "properties": {
      "schema_version": {"const": 1},
      "file": {"type": "string"},
      "verdict": {"enum": ["unreadable", "refused", "unsupported", "assigned", "unchanged"]},
      "changed": {"type": "boolean"},
      "error": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/error"}]},
      "warnings": {"type": "array", "items": {"type": "string"}},
      "devices": {
        "type": "array",
        "items": {
          "type": "object",
          "required": ["name", "address", "multifunction", "reason"],
          "additionalProperties": false,
          "properties": {
            "name": {"type": "string"},
            "address": {"type": ["string", "null"]},
            "multifunction": {"type": "boolean"},
            "reason": {"type": "string"}
          }
        }
      },
      "xml": {"type": ["string", "null"], "description": "null: it went to the file that -o or --in-place names"}
    }
  },
  "$defs": {
    "error": {
      "type": "object",
      "required": ["rule", "message", "device", "remedy", "line", "column"],
      "additionalProperties": false,
      "properties": {
        "rule": {"type": ["string", "null"]},
        "message": {"type": "string"},
        "device": {"type": ["string", "null"]},
        "remedy": {"type": ["string", "null"]},
        "line": {"type": ["integer", "null"]},
        "column": {"type": ["integer", "null"]}
      }
    }
  }
}
)json";

const std::string_view kTreeSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "The buses of each domain, or why it has none",
  "type": "array",
  "items": {"oneOf": [{"$ref": "#/$defs/tree"}, {"$ref": "#/$defs/failure"}]},
  "$defs": {
    "number": {"type": ["integer", "null"]},
    "text": {"type": ["string", "null"]},
    "failure": {
      "type": "object",
      "required": ["schema_version", "file", "error"],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "file": {"type": "string"},
        "error": {
          "type": "object",
          "required": ["rule", "message", "device", "remedy", "line", "column"],
          "additionalProperties": false,
          "properties": {
            "rule": {"$ref": "#/$defs/text"},
            "message": {"type": "string"},
            "device": {"$ref": "#/$defs/text"},
            "remedy": {"$ref": "#/$defs/text"},
            "line": {"$ref": "#/$defs/number"},
            "column": {"$ref": "#/$defs/number"}
          }
        }
      }
    },
    "tree": {
      "type": "object",
      "required": ["schema_version", "file", "error", "name", "arch", "machine", "predicted", "buses", "lost", "advice"],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "file": {"type": "string"},
        "error": {"type": "null"},
        "name": {"type": "string"},
        "arch": {"type": "string"},
        "machine": {"type": "string"},
        "predicted": {"type": "boolean", "description": "false: guest bus numbers are not predicted"},
        "buses": {"type": "array", "items": {"$ref": "#/$defs/bus"}},
        "lost": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["bus", "reason", "number", "taken_by", "message"],
            "additionalProperties": false,
            "properties": {
              "bus": {"type": "integer"},
              "reason": {"enum": ["number-taken", "no-function-0", "no-acpi", "past-255", "adrift"]},
              "number": {"$ref": "#/$defs/number"},
              "taken_by": {"$ref": "#/$defs/number"},
              "message": {"type": "string"}
            }
          }
        },
        "advice": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["bus", "busNr"],
            "additionalProperties": false,
            "properties": {"bus": {"type": "integer"}, "busNr": {"type": "integer"}}
          }
        }
      }
    },
    "bus": {
      "type": "object",
      "required": ["index", "model", "parent", "address", "target", "guest_bus", "guest_numa_node", "free_slots",
                   "devices"],
      "additionalProperties": false,
      "properties": {
        "index": {"type": "integer"},
        "model": {"type": "string"},
        "parent": {"$ref": "#/$defs/number"},
        "address": {"$ref": "#/$defs/text"},
        "target": {
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "chassisNr": {"type": "integer"},
            "chassis": {"type": "integer"},
            "port": {"type": "integer"},
            "busNr": {"type": "integer"},
            "index": {"type": "integer"},
            "node": {"type": "integer"},
            "hotplug": {"type": "boolean"}
          }
        },
        "guest_bus": {"$ref": "#/$defs/number"},
        "guest_numa_node": {"$ref": "#/$defs/number"},
        "free_slots": {"type": "array", "items": {"type": "integer"}},
        "devices": {"type": "array", "items": {"$ref": "#/$defs/device"}}
      }
    },
    "device": {
      "type": "object",
      "required": ["name", "element", "alias", "mac", "target", "model", "host_address", "address", "slot", "function",
                   "multifunction", "guest_address", "makes_bus"],
      "additionalProperties": false,
      "properties": {
        "name": {"type": "string"},
        "element": {"type": "string"},
        "alias": {"$ref": "#/$defs/text"},
        "mac": {"$ref": "#/$defs/text"},
        "target": {"$ref": "#/$defs/text"},
        "model": {"$ref": "#/$defs/text"},
        "host_address": {"$ref": "#/$defs/text"},
        "address": {"type": "string"},
        "slot": {"type": "integer"},
        "function": {"type": "integer"},
        "multifunction": {"type": "boolean"},
        "guest_address": {"$ref": "#/$defs/text"},
        "makes_bus": {"$ref": "#/$defs/number"}
      }
    }
  }
}
)json";

const std::string_view kRulesSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "The rules that findings name",
  "type": "object",
  "required": ["schema_version", "rules"],
  "additionalProperties": false,
  "properties": {
    "schema_version": {"const": 1},
    "rules": {
      "type": "array",
      "items": {
        "type": "object",
        "required": ["id", "name", "severity", "reason", "remedy"],
        "additionalProperties": false,
        "properties": {
          "id": {"type": "string", "pattern": "^BP[0-9]{3}$"},
          "name": {"type": "string"},
          "severity": {"enum": ["error", "warning", "info"]},
          "reason": {"type": "string"},
          "remedy": {"type": ["string", "null"]}
        }
      }
    }
  }
}
)json";

const std::string_view kFindingsSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "What check or diff found",
  "type": "object",
  "required": ["schema_version", "kind", "tool_version", "shard", "findings", "domains", "totals"],
  "additionalProperties": false,
  "properties": {
    "schema_version": {"const": 1},
    "kind": {"type": "string", "description": "the command: check, diff"},
    "tool_version": {"type": "string"},
    "shard": {
      "type": ["object", "null"],
      "required": ["index", "count"],
      "additionalProperties": false,
      "properties": {"index": {"type": "integer"}, "count": {"type": "integer"}}
    },
    "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
    "domains": {"type": "array", "items": {"$ref": "#/$defs/domain"}},
    "totals": {
      "type": "object",
      "required": ["errors", "warnings", "infos", "suppressed", "domains", "devices", "rules", "failed", "exit_code"],
      "additionalProperties": {"type": "integer"}
    }
  },
  "$defs": {
    "number": {"type": ["integer", "null"]},
    "text": {"type": ["string", "null"]},
    "finding": {
      "type": "object",
      "required": ["severity", "rule", "name", "domain", "config", "device", "change", "witness", "reason", "remedy",
                   "file", "line", "column", "fingerprint", "baseline", "suppressed"],
      "additionalProperties": false,
      "properties": {
        "severity": {"enum": ["error", "warning", "info"]},
        "rule": {"type": "string", "pattern": "^BP[0-9]{3}$"},
        "name": {"type": "string"},
        "domain": {"$ref": "#/$defs/text"},
        "config": {"type": "string"},
        "device": {"$ref": "#/$defs/text"},
        "change": {"type": "string"},
        "witness": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["observer", "text"],
            "additionalProperties": false,
            "properties": {"observer": {"enum": ["Linux", "Windows", "UEFI", "migration"]}, "text": {"type": "string"}}
          }
        },
        "reason": {"type": "string"},
        "remedy": {"$ref": "#/$defs/text"},
        "file": {"type": "string"},
        "line": {"$ref": "#/$defs/number"},
        "column": {"$ref": "#/$defs/number"},
        "fingerprint": {"type": "string"},
        "baseline": {"enum": ["new", "unchanged", null]},
        "suppressed": {"$ref": "#/$defs/text"}
      }
    },
    "domain": {
      "type": "object",
      "required": ["config", "old_config", "status", "domain", "uuid", "rules", "devices", "error"],
      "additionalProperties": false,
      "properties": {
        "config": {"type": "string"},
        "old_config": {"$ref": "#/$defs/text"},
        "status": {"type": "string"},
        "domain": {"$ref": "#/$defs/text"},
        "uuid": {"$ref": "#/$defs/text"},
        "rules": {"type": "integer"},
        "devices": {"type": "integer"},
        "error": {
          "type": ["object", "null"],
          "required": ["rule", "message", "device", "remedy", "line", "column"],
          "additionalProperties": false,
          "properties": {
            "rule": {"$ref": "#/$defs/text"},
            "message": {"type": "string"},
            "device": {"$ref": "#/$defs/text"},
            "remedy": {"$ref": "#/$defs/text"},
            "line": {"$ref": "#/$defs/number"},
            "column": {"$ref": "#/$defs/number"}
          }
        }
      }
    }
  }
}
)json";

const std::string_view kHeadroomSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "How many more devices each domain has room for, or why that cannot be said",
  "type": "array",
  "items": {
    "type": "object",
    "required": ["schema_version", "file", "error"],
    "additionalProperties": false,
    "properties": {
      "schema_version": {"const": 1},
      "file": {"type": "string"},
      "name": {"type": "string"},
      "error": {
        "type": ["object", "null"],
        "required": ["rule", "message", "device", "remedy", "line", "column"],
        "additionalProperties": false,
        "properties": {
          "rule": {"type": ["string", "null"]},
          "message": {"type": "string"},
          "device": {"type": ["string", "null"]},
          "remedy": {"type": ["string", "null"]},
          "line": {"type": ["integer", "null"]},
          "column": {"type": ["integer", "null"]}
        }
      },
      "classes": {
        "type": "array",
        "items": {
          "type": "object",
          "required": ["class", "cold", "hot", "more_cold", "more_hot"],
          "additionalProperties": false,
          "properties": {
            "class": {"enum": ["pcie-endpoint", "conventional", "root-port", "expander"]},
            "cold": {"$ref": "#/$defs/room", "description": "accepted in the config; seen: by the guest"},
            "hot": {"$ref": "#/$defs/room", "description": "into the running guest"},
            "more_cold": {"$ref": "#/$defs/more"},
            "more_hot": {"$ref": "#/$defs/more"}
          }
        }
      }
    }
  },
  "$defs": {
    "room": {
      "type": "object",
      "required": ["count", "limit", "why"],
      "additionalProperties": false,
      "properties": {
        "count": {"type": "integer", "minimum": 0},
        "limit": {"enum": ["slot", "port", "bus-number", "hotplug-off", "machine", "libvirt"]},
        "why": {"type": "string"},
        "seen": {"type": "integer", "minimum": 0}
      }
    },
    "more": {
      "type": ["object", "null"],
      "description": "the fewest controllers that make room without moving anything",
      "required": ["count", "controllers"],
      "additionalProperties": false,
      "properties": {
        "count": {"type": "integer"},
        "controllers": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["index", "model", "address", "xml"],
            "additionalProperties": false,
            "properties": {
              "index": {"type": "integer"},
              "model": {"type": "string"},
              "address": {"type": ["string", "null"]},
              "xml": {"type": "string"}
            }
          }
        }
      }
    }
  }
}
)json";

const std::string_view kLockSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "busproof.lock: where the devices of domains belong",
  "type": "object",
  "required": ["busproof_lock", "domains"],
  "additionalProperties": false,
  "properties": {
    "busproof_lock": {"const": 1, "description": "the version of this form"},
    "domains": {
      "type": "array",
      "items": {
        "type": "object",
        "required": ["name", "arch", "machine", "acpi", "devices", "freed"],
        "additionalProperties": false,
        "properties": {
          "name": {"type": "string"},
          "uuid": {"type": "string"},
          "arch": {"type": "string"},
          "machine": {"type": "string"},
          "acpi": {"type": "boolean"},
          "devices": {"type": "array", "items": {"$ref": "#/$defs/device"}},
          "freed": {
            "type": "array",
            "description": "places that are given to nobody",
            "items": {
              "type": "object",
              "required": ["pci"],
              "additionalProperties": false,
              "properties": {"pci": {"$ref": "#/$defs/address"}, "was": {"type": "string"}}
            }
          }
        }
      }
    }
  },
  "$defs": {
    "address": {"type": "string", "pattern": "^0000:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]$"},
    "number": {"type": "integer", "minimum": 0},
    "device": {
      "type": "object",
      "required": ["kind"],
      "additionalProperties": false,
      "properties": {
        "kind": {"type": "string", "description": "the element's name"},
        "alias": {"type": "string"},
        "mac": {"type": "string"},
        "target": {"type": "string"},
        "host": {"type": "string"},
        "serial": {"type": "string"},
        "type": {"type": "string"},
        "index": {"$ref": "#/$defs/number"},
        "model": {"type": "string"},
        "model_name": {"type": "string"},
        "chassisNr": {"$ref": "#/$defs/number"},
        "chassis": {"$ref": "#/$defs/number"},
        "port": {"$ref": "#/$defs/number"},
        "busNr": {"$ref": "#/$defs/number"},
        "targetIndex": {"$ref": "#/$defs/number"},
        "node": {"$ref": "#/$defs/number"},
        "hotplug": {"enum": ["on", "off"]},
        "ports": {"$ref": "#/$defs/number"},
        "startport": {"$ref": "#/$defs/number"},
        "pci": {"$ref": "#/$defs/address"},
        "multifunction": {"enum": ["on", "off"]},
        "uid": {"$ref": "#/$defs/number"},
        "fid": {"$ref": "#/$defs/number"},
        "address": {"type": "string", "description": "one that is not on a PCI bus: drive 0:0:0:1"}
      }
    }
  }
}
)json";

const std::string_view kQemuArgsSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "A domain's topology as arguments of QEMU, or why it has none",
  "oneOf": [
    {
      "type": "object",
      "required": ["schema_version", "file", "error", "name", "arch", "machine", "args"],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "file": {"type": "string"},
        "error": {"type": "null"},
        "name": {"type": "string"},
        "arch": {"type": "string"},
        "machine": {"type": "string"},
        "args": {"type": "array", "items": {"type": "string"}, "description": "one word of the command line each"}
      }
    },
    {
      "type": "object",
      "required": ["schema_version", "file", "error"],
      "additionalProperties": false,
      "properties": {
        "schema_version": {"const": 1},
        "file": {"type": "string"},
        "error": {
          "type": "object",
          "required": ["rule", "message", "device", "remedy", "line", "column"],
          "additionalProperties": false,
          "properties": {
            "rule": {"type": ["string", "null"]},
            "message": {"type": "string"},
            "device": {"type": ["string", "null"]},
            "remedy": {"type": ["string", "null"]},
            "line": {"type": ["integer", "null"]},
            "column": {"type": ["integer", "null"]}
          }
        }
      }
    }
  ]
}
)json";
// clang-format on

}  // namespace busproof::report
