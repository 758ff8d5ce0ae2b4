#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "verify/campaign.h"

/// What leaves a campaign, for people and for programs.
namespace busproof::verify {

/// What a report knows besides the result.
struct ReportFacts {
  std::string_view version;  ///< of busproof
  std::string oracle{};      ///< "libvirt 9.0.0, QEMU 7.2.22"; empty when nobody was asked
  std::string replay{};      ///< options that make the same cases: "--start web01.xml"
};

/// The words behind what begins the line, a blank before each; what goes beyond 80 columns goes below, `indent` columns
/// in. With the line's end.
std::string in_columns(std::string line, const std::vector<std::string>& words, std::size_t indent);

std::string campaign_text(const CampaignResult& result, const ReportFacts& facts);

/// schema_version, kind ("verify"), tool_version, seed, oracle, shard (null, or index and count), hunts[], failures[].
///
///     hunts[]     name, cases, seconds, checks (law → times), classes (dimension → value → cases),
///                 expected[], never_seen[] (dimension, value)
///     failures[]  hunt, law, sentence, words, case, cases, size, files (name → text), replay
std::string campaign_json(const CampaignResult& result, const ReportFacts& facts);

/// The reports of several shards as the report of the whole: counts are added up, of equal failures the first case
/// stays. Errors: Unreadable; Unsupported when they are of different seeds or tools.
Result<std::string> merge_campaigns(const std::vector<std::string>& reports);

/// The one command that makes that case again.
std::string replay_command(const CampaignResult& result, const Failure& failure, const ReportFacts& facts);

}  // namespace busproof::verify
