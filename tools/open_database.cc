#include "tools/open_database.h"

#include <cstdlib>
#include <string_view>

namespace tally {
namespace {

Result<IoMethod> wanted_io() {
  const char* set = std::getenv("TALLY_IO");
  const std::string_view wanted = set == nullptr ? "auto" : set;
  if (wanted == "auto") return IoMethod::kAuto;
  if (wanted == "io_uring") return IoMethod::kUring;
  if (wanted == "pwrite") return IoMethod::kPwrite;
  return fail(Code::kInvalidArgument,
              "TALLY_IO is \"" + std::string(wanted) + "\", and may be auto, io_uring or pwrite");
}

}  // namespace

Error with_way_out(Error error, std::string_view when_held) {
  if (error.code == Code::kLocked) error.message += when_held;
  return error;
}

Result<OpenDatabase> open_database(const std::string& directory, const DatabaseOptions& options,
                                   std::string_view when_held) {
  OpenDatabase open;
  TALLY_ASSIGN_OR_RETURN(IoMethod method, wanted_io());
  open.fs = make_posix_file_system(method);
  auto database = Database::open(*open.fs, system_clock(), directory, options);
  if (!database) return std::unexpected(with_way_out(std::move(database).error(), when_held));
  open.database = *std::move(database);
  return open;
}

std::string io_note(const Table& table) {
  const std::string method = table.stats().log_io_method;
  if (method != "pwrite") return {};
  return "the log is written with pwrite: io_uring is not allowed here, or TALLY_IO asks for it";
}

Result<std::string> table_id(Table& table) {
  TALLY_ASSIGN_OR_RETURN(auto snapshot, table.snapshot());
  return hex(snapshot->manifest().table_uuid);
}

}  // namespace tally
