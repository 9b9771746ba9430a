#include "base/file_names.h"

#include <array>
#include <charconv>

#include "base/limits.h"

namespace tally {
namespace {

constexpr std::string_view kManifestPrefix = "MANIFEST-";
constexpr size_t kManifestDigits = 6;
constexpr size_t kFileDigits = 8;

struct FixedName {
  std::string_view name;
  FileKind kind;
};
constexpr std::array<FixedName, 13> kFixedNames = {{
    {"TALLY", FileKind::kMarker},
    {"LOCK", FileKind::kLock},
    {"tables", FileKind::kTablesDirectory},
    {"CURRENT", FileKind::kCurrent},
    {"RESERVE", FileKind::kReserve},
    {"log", FileKind::kLogDirectory},
    {"CLEAN", FileKind::kCleanMark},
    {"segments", FileKind::kSegmentDirectory},
    {"dict", FileKind::kDictionaryDirectory},
    {"ids", FileKind::kIdRunDirectory},
    {"retractions", FileKind::kRetractionDirectory},
    {"dead", FileKind::kLetterDirectory},
    {"orphan", FileKind::kOrphanDirectory},
}};

struct NumberedName {
  std::string_view prefix;
  std::string_view suffix;
  size_t digits;
  FileKind kind;
};
constexpr std::array<NumberedName, 9> kNumberedNames = {{
    {kManifestPrefix, "", kManifestDigits, FileKind::kManifest},
    {"", ".log", kFileDigits, FileKind::kLogFile},
    {"", ".spare", kFileDigits, FileKind::kLogSpare},
    {"", ".torn", kFileDigits, FileKind::kLogTorn},
    {"", ".seg", kFileDigits, FileKind::kSegment},
    {"", ".dict", kFileDigits, FileKind::kDictionary},
    {"", ".run", kFileDigits, FileKind::kIdRun},
    {"", ".retr", kFileDigits, FileKind::kRetraction},
    {"", ".dead", kFileDigits, FileKind::kLetterFile},
}};

constexpr std::string_view fixed_name(FileKind kind) {
  for (const FixedName& fixed : kFixedNames) {
    if (fixed.kind == kind) return fixed.name;
  }
  return {};
}

std::string padded(uint64_t number, size_t digits) {
  std::string text = std::to_string(number);
  return text.size() >= digits ? text : std::string(digits - text.size(), '0') + text;
}

std::string numbered_name(FileKind kind, uint64_t number) {
  for (const NumberedName& form : kNumberedNames) {
    if (form.kind == kind) return std::string(form.prefix) + padded(number, form.digits) + std::string(form.suffix);
  }
  return {};
}

bool stands_for_itself(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::unexpected<Error> no_table_folder(std::string_view folder) {
  return fail(Code::kInvalidArgument, "'" + std::string(folder) + "' is not the folder name of a table");
}

}  // namespace

std::string encode_table_name(std::string_view table) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string folder;
  folder.reserve(table.size());
  for (char c : table) {
    if (stands_for_itself(c)) {
      folder.push_back(c);
    } else {
      auto byte = static_cast<uint8_t>(c);
      folder.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return folder;
}

Result<std::string> decode_table_name(std::string_view folder) {
  std::string table;
  for (size_t i = 0; i < folder.size(); ++i) {
    if (folder[i] != '%') {
      table.push_back(folder[i]);
      continue;
    }
    int high = i + 2 < folder.size() ? hex_value(folder[i + 1]) : -1;
    int low = i + 2 < folder.size() ? hex_value(folder[i + 2]) : -1;
    if (high < 0 || low < 0) return no_table_folder(folder);
    table.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  // One spelling per name, or two folders could claim to be one table.
  if (table.empty() || encode_table_name(table) != folder) return no_table_folder(folder);
  return table;
}

Status check_table_name(std::string_view table) {
  if (table.empty()) return fail(Code::kInvalidArgument, "a table name cannot be empty");
  if (table.size() > limits::kNameBytesMax) {
    return fail(Code::kLimitExceeded, "table name of " + std::to_string(table.size()) + " bytes, the limit is " +
                                          std::to_string(limits::kNameBytesMax));
  }
  size_t encoded = encode_table_name(table).size() + kTemporarySuffix.size();
  if (encoded > limits::kFileNameBytesMax) {
    return fail(Code::kLimitExceeded, "table name '" + std::string(table) + "' makes a folder name of " +
                                          std::to_string(encoded) + " bytes, the limit is " +
                                          std::to_string(limits::kFileNameBytesMax) +
                                          " (every byte outside a-z, 0-9 and _ counts three times)");
  }
  return {};
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path.push_back('/');
  return path.append(name);
}

std::string parent_path(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string temporary_path(std::string_view path) { return std::string(path).append(kTemporarySuffix); }

std::string manifest_name(uint64_t number) { return numbered_name(FileKind::kManifest, number); }
std::string log_file_name(uint64_t number) { return numbered_name(FileKind::kLogFile, number); }
std::string log_spare_name(uint64_t number) { return numbered_name(FileKind::kLogSpare, number); }
std::string log_torn_name(uint64_t number) { return numbered_name(FileKind::kLogTorn, number); }
std::string segment_name(uint64_t number) { return numbered_name(FileKind::kSegment, number); }
std::string dictionary_name(uint64_t number) { return numbered_name(FileKind::kDictionary, number); }
std::string id_run_name(uint64_t number) { return numbered_name(FileKind::kIdRun, number); }
std::string retraction_name(uint64_t number) { return numbered_name(FileKind::kRetraction, number); }
std::string letter_file_name(uint64_t number) { return numbered_name(FileKind::kLetterFile, number); }

std::string log_file_path(std::string_view log_directory, uint64_t number) {
  return join_path(log_directory, log_file_name(number));
}
std::string clean_mark_path(std::string_view log_directory) {
  return join_path(log_directory, fixed_name(FileKind::kCleanMark));
}

std::string TablePaths::current() const { return join_path(directory_, fixed_name(FileKind::kCurrent)); }
std::string TablePaths::manifest(uint64_t number) const { return join_path(directory_, manifest_name(number)); }
std::string TablePaths::reserve() const { return join_path(directory_, fixed_name(FileKind::kReserve)); }
std::string TablePaths::log_directory() const { return join_path(directory_, fixed_name(FileKind::kLogDirectory)); }
std::string TablePaths::log_file(uint64_t number) const { return log_file_path(log_directory(), number); }
std::string TablePaths::clean_mark() const { return clean_mark_path(log_directory()); }
std::string TablePaths::segment_directory() const {
  return join_path(directory_, fixed_name(FileKind::kSegmentDirectory));
}
std::string TablePaths::segment(uint64_t number) const { return join_path(segment_directory(), segment_name(number)); }
std::string TablePaths::dictionary_directory() const {
  return join_path(directory_, fixed_name(FileKind::kDictionaryDirectory));
}
std::string TablePaths::dictionary(uint64_t number) const {
  return join_path(dictionary_directory(), dictionary_name(number));
}
std::string TablePaths::id_run_directory() const {
  return join_path(directory_, fixed_name(FileKind::kIdRunDirectory));
}
std::string TablePaths::id_run(uint64_t number) const { return join_path(id_run_directory(), id_run_name(number)); }
std::string TablePaths::retraction_directory() const {
  return join_path(directory_, fixed_name(FileKind::kRetractionDirectory));
}
std::string TablePaths::retraction(uint64_t number) const {
  return join_path(retraction_directory(), retraction_name(number));
}
std::string TablePaths::letter_directory() const {
  return join_path(directory_, fixed_name(FileKind::kLetterDirectory));
}
std::string TablePaths::letter_file(uint64_t number) const {
  return join_path(letter_directory(), letter_file_name(number));
}
std::string TablePaths::orphan_directory() const {
  return join_path(directory_, fixed_name(FileKind::kOrphanDirectory));
}
std::string TablePaths::orphan(std::string_view name) const { return join_path(orphan_directory(), name); }

std::string DatabasePaths::marker() const { return join_path(directory_, fixed_name(FileKind::kMarker)); }
std::string DatabasePaths::lock() const { return join_path(directory_, fixed_name(FileKind::kLock)); }
std::string DatabasePaths::tables_directory() const {
  return join_path(directory_, fixed_name(FileKind::kTablesDirectory));
}
TablePaths DatabasePaths::table(std::string_view name) const {
  return TablePaths(join_path(tables_directory(), encode_table_name(name)));
}
TablePaths DatabasePaths::temporary_table(std::string_view name) const {
  return TablePaths(temporary_path(join_path(tables_directory(), encode_table_name(name))));
}

ParsedName parse_file_name(std::string_view name) {
  ParsedName parsed;
  std::string_view stem = name;
  if (stem.ends_with(kTemporarySuffix)) {
    parsed.temporary = true;
    stem.remove_suffix(kTemporarySuffix.size());
  }
  for (const FixedName& fixed : kFixedNames) {
    if (stem == fixed.name) parsed.kind = fixed.kind;
  }
  for (const NumberedName& form : kNumberedNames) {
    if (!stem.starts_with(form.prefix) || !stem.ends_with(form.suffix)) continue;
    if (stem.size() < form.prefix.size() + form.suffix.size() + form.digits) continue;
    const char* first = stem.data() + form.prefix.size();
    const char* last = stem.data() + stem.size() - form.suffix.size();
    uint64_t number = 0;
    auto [end, error] = std::from_chars(first, last, number);
    if (error != std::errc{} || end != last || numbered_name(form.kind, number) != stem) continue;
    parsed.kind = form.kind;
    parsed.number = number;
  }
  return parsed.kind == FileKind::kUnknown ? ParsedName{} : parsed;
}

}  // namespace tally
