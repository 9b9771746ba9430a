#include "engine/retraction_describe.h"

#include <algorithm>
#include <map>

#include "base/timestamp.h"
#include "engine/retraction_file.h"
#include "engine/retraction_format.h"

namespace tally {

namespace {

Result<retraction_format::Contents> read(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(Bytes bytes, read_whole_file(fs, path, kRetractionFileBytesMax));
  Result<retraction_format::Contents> contents = retraction_format::decode(bytes);
  if (!contents) return std::unexpected(std::move(contents).error().with_context(path));
  return contents;
}

}  // namespace

Result<FileDescription> describe_retraction_file(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(retraction_format::Contents contents, read(fs, path));
  struct Request {
    const RetractionRequest* request = nullptr;
    std::map<std::string_view, uint64_t> by_state;
  };
  std::map<Lsn, Request> requests;
  for (const Retraction& one : contents.retractions) {
    Request& of = requests[one.request->lsn];
    of.request = one.request.get();
    ++of.by_state[retraction_state_name(one.state)];
  }
  FileDescription description;
  description.lines.push_back("retraction file " + std::to_string(contents.number) + ", file " + hex(contents.uuid));
  description.lines.push_back("  " + std::to_string(contents.retractions.size()) + " retractions of " +
                              std::to_string(requests.size()) + " requests");
  for (const auto& [lsn, of] : requests) {
    std::string line = "LSN " + std::to_string(lsn) + ", " + format_timestamp(of.request->arrival_us) + ", by \"" +
                       of.request->by + "\": \"" + of.request->reason + "\":";
    for (const auto& [state, count] : of.by_state) line += " " + std::to_string(count) + " " + std::string(state);
    description.lines.push_back(std::move(line));
  }
  return description;
}

Status dump_retractions(FileSystem& fs, const std::string& path, uint64_t rows_max, const TextSink& sink) {
  TALLY_ASSIGN_OR_RETURN(retraction_format::Contents contents, read(fs, path));
  sink("event_id\tstate\tby\treason\tasked\tverdict_lsn\tsettled_lsn\toriginal_lsn\n");
  for (size_t i = 0; i < std::min<uint64_t>(rows_max, contents.retractions.size()); ++i) {
    const Retraction& one = contents.retractions[i];
    std::string line;
    append_tsv_text(format_id(one.id_kind, one.slot()), line);
    line += "\t" + std::string(retraction_state_name(one.state)) + "\t";
    append_tsv_text(one.request->by, line);
    line += "\t";
    append_tsv_text(one.request->reason, line);
    line += "\t" + format_timestamp(one.request->arrival_us) + "\t" + std::to_string(one.request->lsn) + "\t" +
            std::to_string(one.settled_lsn) + "\t" + std::to_string(one.original_lsn) + "\n";
    sink(line);
  }
  return {};
}

}  // namespace tally
