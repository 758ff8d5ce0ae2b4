#include "viz/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/abi/rules.h"
#include "engine/base/base64.h"
#include "engine/report/domain_report.h"
#include "engine/report/json.h"
#include "viz/markup.h"
#include "viz/packing.h"
#include "viz/page_parts.h"

namespace busproof::viz {
namespace {

using report::Json;

/// JSON in a script element, which nothing in it ends or begins: "<" is only in its strings.
std::string in_script(std::string json) {
  for (std::size_t at = 0; (at = json.find('<', at)) != std::string::npos;) json.replace(at, 1, "\\u003c");
  return json;
}

/// For HTML: Graphviz's doubled backslashes are its own affair.
std::string html(std::string_view text) {
  std::string escaped_text = escaped(text);
  for (std::size_t at = 0; (at = escaped_text.find("\\\\", at)) != std::string::npos; ++at) escaped_text.erase(at, 1);
  return escaped_text;
}

/// Names of cells by what their tooltips begin with, the devices' names.
std::map<std::string, std::string> ids_of(const Graph& graph) {
  std::map<std::string, std::string> ids;
  for (const Node& node : graph.nodes) {
    for (const Row& row : node.rows)
      for (const Cell& cell : row.cells)
        if (!cell.name.empty() && cell.look != Look::MovedAway)
          ids.try_emplace(cell.tooltip.substr(0, cell.tooltip.find('\n')), cell.name);
    // The controller of a root bus has no cell but the heading.
    if (!node.heading.name.empty())
      ids.try_emplace(node.heading.tooltip.substr(0, node.heading.tooltip.find('\n')), node.heading.name);
  }
  return ids;
}

/// A name of a file beside the page, as a link spells it: whatever is in it, it is no other place and no program.
std::string link_to(std::string_view file) {
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string link = "./";
  for (const char c : file) {
    if (kUnreserved.find(c) != std::string_view::npos)
      link += c;
    else
      link += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return link;
}

Json finding_json(const Finding& finding, const std::map<std::string, std::string>& ids) {
  const auto id = ids.find(finding.device);
  const abi::Rule* rule = abi::find_rule(finding.rule);
  Json witnesses = Json::array();
  for (const Witness& witness : finding.witness)
    witnesses.push_back(fmt::format("{}: {}", to_string(witness.observer), witness.text));
  return {
      {"severity", to_string(finding.severity)},
      {"rule", finding.rule},
      {"name", rule == nullptr ? std::string_view() : rule->name},
      {"device", finding.device},
      {"id", id == ids.end() ? "" : id->second},
      {"change", finding.change},
      {"witness", std::move(witnesses)},
      {"reason", finding.reason},
      {"remedy", finding.remedy},
  };
}

Json entry_json(const PageEntry& entry) {
  const auto ids = ids_of(entry.graph);
  Json findings = Json::array();
  for (const Finding& finding : entry.findings) findings.push_back(finding_json(finding, ids));
  return {
      {"name", entry.name},
      {"file", entry.file},
      {"error", entry.error},
      {"tree", entry.tree},
      {"count", count_text(entry.findings)},
      {"findings", std::move(findings)},
  };
}

constexpr std::string_view kPlainData = "application/json", kPackedData = "application/gzip";

std::string data_element(std::string_view type, std::string_view data) {
  return fmt::format("<script type=\"{}\" id=\"data\">{}</script>\n", type, data);
}

Refusal too_large(std::size_t entries, std::size_t size) {
  constexpr std::size_t kKilo = 1000;
  return Refusal(
      {ErrorKind::Unreadable,
       "",
       fmt::format("a page of {} would take {} KB besides its drawings, and {} is the most that opens quickly",
                   report::counted(entries, "config"), size / kKilo, kPageSizeMax / kKilo),
       {},
       "render them into a folder, -o FOLDER/ --html, which gives each a page of its own, and an index",
       {}});
}

/// Without what stands before the element, which HTML does not want.
std::string_view svg_element(std::string_view svg) {
  const std::size_t start = svg.find("<svg");
  return start == std::string_view::npos ? std::string_view() : svg.substr(start);
}

std::string head_of(std::string_view title, std::string_view images) {
  return fmt::format(
      R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src {}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{}</title>
<style>{}</style>
</head>
<body>
<header><h1>{}</h1><input id="search" type="search" placeholder="search" aria-label="search"></header>
)",
      images, html(title), kPageStyle, html(title));
}

}  // namespace

std::string count_text(const Findings& findings) {
  std::string text;
  for (const Severity severity : {Severity::Error, Severity::Warning, Severity::Info}) {
    const auto count = std::ranges::count(findings, severity, &Finding::severity);
    if (count > 0)
      text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", count, to_string(severity), count == 1 ? "" : "s");
  }
  return text.empty() ? "no findings" : text;
}

Result<std::string> page(std::string_view title, const std::vector<PageEntry>& entries) {
  Json data = Json::array();
  for (const PageEntry& entry : entries) data.push_back(entry_json(entry));
  const std::string json = report::dumped(data);
  const std::string head = head_of(title, "data:") + std::string(kPageBody);
  const std::string tail = fmt::format("<script>{}</script>\n</body>\n</html>\n", kPageScript);
  std::string element = data_element(kPlainData, in_script(json));
  if (head.size() + element.size() + tail.size() > kPageSizeMax)
    element = data_element(kPackedData, to_base64(packed(json)));
  if (const std::size_t size = head.size() + element.size() + tail.size(); size > kPageSizeMax)
    return too_large(entries.size(), size);
  std::string text = head;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (!entries[i].svg.empty())
      text += fmt::format("<script type=\"text/plain\" id=\"svg-{}\">{}</script>\n", i, svg_element(entries[i].svg));
  return text + element + tail;
}

std::string index_page(std::string_view title, const std::vector<IndexEntry>& entries) {
  std::string text = head_of(title, "'self' data:");
  text += "<div class=\"cards\">\n";
  for (const IndexEntry& entry : entries) {
    const std::string thumbnail =
        entry.thumbnail.empty()
            ? ""
            : fmt::format(R"(<img loading="lazy" decoding="async" alt="" src="{}">)", link_to(entry.thumbnail));
    text += fmt::format("<a href=\"{}\">{}<b>{}</b><div class=\"quiet\">{}</div></a>\n", link_to(entry.page), thumbnail,
                        html(entry.name), html(entry.remark));
  }
  text += fmt::format("</div>\n<script>{}</script>\n</body>\n</html>\n", kIndexScript);
  return text;
}

}  // namespace busproof::viz
