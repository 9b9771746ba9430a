#include "engine/dead_letter_describe.h"

#include <map>
#include <utility>

#include "base/timestamp.h"
#include "engine/dead_letter_file.h"

namespace tally {

namespace {

// Calls `visit(bundle)` until it returns false; the file is checked as far as it was read.
template <class Visit>
Status for_each_bundle(LetterFile& file, Visit visit) {
  while (true) {
    TALLY_ASSIGN_OR_RETURN(std::vector<LetterBundle> bundles, file.next());
    if (bundles.empty()) return {};
    for (const LetterBundle& bundle : bundles) {
      if (!visit(bundle)) return {};
    }
  }
}

std::string range(const std::string& from, const std::string& to) { return from == to ? from : from + " to " + to; }

std::vector<std::string> header_lines(const LetterFile& file) {
  const LetterFileInfo& info = file.info();
  return {
      "dead letters " + std::to_string(info.number) + ", file " + hex(info.uuid) + ", table " + hex(file.table_uuid()),
      "  " + std::to_string(info.size) + " bytes, " + std::to_string(info.letters) + " letters, " +
          std::to_string(info.marks) + " marks of letters sent again",
      "  LSN " + range(std::to_string(info.min_lsn), std::to_string(info.max_lsn)) + ", arrival " +
          range(format_timestamp(info.min_arrival_us), format_timestamp(info.max_arrival_us))};
}

void append_letter(const LetterBundle& bundle, size_t at, std::string& line) {
  const DeadLetter& letter = bundle.letters[at];
  line += to_string({.lsn = bundle.lsn, .row = letter.row}) + "\t" + format_timestamp(bundle.arrival_us) + "\t";
  append_tsv_text(bundle.reason(at), line);
  line += "\t";
  append_tsv_text(bundle.source.name, line);
  line += "\t" + (letter.source_row == 0 ? std::string(kTsvNull) : std::to_string(letter.source_row)) + "\t";
  if (bundle.has_rows()) {
    line.append(kTsvNull).append("\t").append(kTsvNull);
  } else {
    append_tsv_text(bundle.rejected[at].message, line);
    line += "\t";
    append_tsv_text(bundle.rejected[at].raw, line);
  }
  line += "\n";
}

}  // namespace

Result<FileDescription> describe_letter_file(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<LetterFile> file, LetterFile::open(fs, path, nullptr));
  FileDescription description{.lines = header_lines(*file)};
  std::map<std::pair<std::string, std::string>, uint64_t> letters;  // by source and reason
  auto count = [&](const LetterBundle& bundle) {
    for (size_t i = 0; i < bundle.letters.size(); ++i) {
      ++letters[{bundle.source.name, std::string(bundle.reason(i))}];
    }
    return true;
  };
  Result<std::vector<LetterMark>> marks = file->marks();
  Status read = marks ? for_each_bundle(*file, count) : Status(std::unexpected(marks.error()));
  for (const auto& [what, number] : letters) {
    const std::string source = what.first.empty() ? "no named source" : "\"" + what.first + "\"";
    description.lines.push_back(source + ": " + std::to_string(number) + " " + what.second);
  }
  if (!read) {
    description.sound = false;
    description.lines.push_back("problem: " + read.error().to_string());
  }
  return description;
}

Status dump_letters(FileSystem& fs, const std::string& path, uint64_t rows_max, const TextSink& sink) {
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<LetterFile> file, LetterFile::open(fs, path, nullptr));
  TALLY_TRY(file->marks());
  sink("letter\tarrival\treason\tsource\tsource_row\tmessage\traw\n");
  uint64_t shown = 0;
  return for_each_bundle(*file, [&](const LetterBundle& bundle) {
    for (size_t i = 0; i < bundle.letters.size() && shown < rows_max; ++i, ++shown) {
      std::string line;
      append_letter(bundle, i, line);
      sink(line);
    }
    return shown < rows_max;
  });
}

}  // namespace tally
