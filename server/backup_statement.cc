#include "server/backup_statement.h"

#include "base/file_names.h"
#include "base/path_inside.h"
#include "engine/backup.h"
#include "query/lexer.h"

namespace tally {
namespace {

std::unexpected<QueryError> refuse(Error error) {
  return std::unexpected(QueryError{.error = std::move(error), .position = std::nullopt});
}

// One folder's name: nothing that leads elsewhere.
Status check_name(const std::string& name) {
  const bool good = !name.empty() && name != "." && name != ".." && name.size() <= limits::kNameBytesMax &&
                    name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  if (good) return {};
  return fail(Code::kInvalidArgument, "\"" + name + "\" is no name for a backup: it is to be one folder's name");
}

Cell text_cell(std::string text) {
  Cell cell;
  cell.kind = Cell::Kind::kString;
  cell.text = std::move(text);
  return cell;
}

Cell number_cell(uint64_t number) {
  Cell cell;
  cell.kind = Cell::Kind::kNumber;
  cell.number = static_cast<__int128>(number);
  return cell;
}

QueryResult describe(const std::string& path, const BackupList& list) {
  QueryResult result;
  result.columns = {{.name = "backup", .type = SqlType::kString},
                    {.name = "table", .type = SqlType::kString},
                    {.name = "lsn", .type = SqlType::kInt64},
                    {.name = "files", .type = SqlType::kInt64},
                    {.name = "bytes", .type = SqlType::kInt64}};
  for (const auto& table : list.tables) {
    result.rows.push_back({text_cell(path), text_cell(table.name), number_cell(table.lsn),
                           number_cell(list.files.size()), number_cell(list.bytes())});
  }
  return result;
}

}  // namespace

std::optional<std::string> backup_statement(std::string_view sql) {
  if (!check_text(sql)) return std::nullopt;
  Lexer lexer(sql);
  const Sql<Token> first = lexer.next();
  if (!first || !first->is_word("backup")) return std::nullopt;
  const Sql<Token> to = lexer.next();
  if (!to || !to->is_word("to")) return std::nullopt;
  const Sql<Token> name = lexer.next();
  if (!name || name->kind != TokenKind::kString) return std::nullopt;
  Sql<Token> end = lexer.next();
  if (end && end->is_symbol(";")) end = lexer.next();
  if (!end || end->kind != TokenKind::kEnd) return std::nullopt;
  return name->value();
}

BackupTaker::BackupTaker(Database& database, std::string directory, std::string backup_directory)
    : database_(database), directory_(std::move(directory)), backup_directory_(std::move(backup_directory)) {}

std::expected<QueryResult, QueryError> BackupTaker::take(const std::string& name, const std::stop_token& stop) {
  if (backup_directory_.empty() || directory_.empty()) {
    return refuse(
        {Code::kUnsupported, "the server has no place for backups: the setting storage.backup_directory names one"});
  }
  if (Status good = check_name(name); !good) return refuse(good.error());
  const std::unique_lock lock(one_at_a_time_, std::try_to_lock);
  if (!lock) return refuse({Code::kRetryLater, "a backup is being taken already"});
  const auto fs = make_posix_file_system();
  const std::string path = join_path(backup_directory_, name);
  if (path_inside(path, directory_)) {
    return refuse({Code::kInvalidArgument, "storage.backup_directory lies inside the database: " + backup_directory_});
  }
  auto list = backup_open_database(*fs, database_.clock(), database_, directory_, path, stop);
  if (!list) return refuse(std::move(list).error().with_context("backup"));
  return describe(path, *list);
}

}  // namespace tally
