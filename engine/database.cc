#include "engine/database.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/nearest.h"
#include "base/random.h"
#include "engine/database_directory.h"
#include "engine/open_table.h"
#include "engine/space_watch.h"

namespace tally {
namespace {

class OpenDatabase final : public Database {
 public:
  OpenDatabase(FileSystem& fs, Clock& clock, DatabaseOptions options, std::unique_ptr<DatabaseDirectory> directory)
      : fs_(fs), clock_(clock), options_(options), directory_(std::move(directory)) {}

  Status open_tables() {
    TALLY_ASSIGN_OR_RETURN(std::vector<std::string> names, directory_->table_names());
    for (const std::string& name : names) open_one(name);
    return {};
  }

  Result<Table*> create_table(Schema schema) override {
    TALLY_ASSIGN_OR_RETURN(schema, complete_schema(std::move(schema)));
    std::lock_guard lock(mutex_);
    const std::string name = schema.table_name;
    if (tables_.contains(name)) return fail(Code::kAlreadyExists, "table \"" + name + "\" already exists");
    ManifestState state;
    state.table_uuid = random_uuid();
    random_bytes(state.hash_key);
    state.schemas.push_back(std::make_shared<const Schema>(std::move(schema)));
    TALLY_TRY(directory_->create_table(name, state));
    open_one(name);
    return find(name);
  }

  Result<Table*> table(std::string_view name) override {
    std::lock_guard lock(mutex_);
    return find(name);
  }

  std::vector<std::string> table_names() const override {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, entry] : tables_) names.push_back(name);
    return names;
  }

  Clock& clock() const override { return clock_; }

  Status close() override {
    std::lock_guard lock(mutex_);
    Status first;
    for (auto& [name, entry] : tables_) {
      if (!entry) continue;
      Status closed = (*entry)->close();
      if (!closed && first) {
        first = std::unexpected(std::move(closed).error().with_context("table \"" + name + "\""));
      }
    }
    return first;
  }

 private:
  using Entry = Result<std::unique_ptr<Table>>;  // or why it could not be opened

  void open_one(const std::string& name) {
    Entry entry = open_table(fs_, clock_, directory_->paths().table(name), options_.table);
    if (!entry) entry = std::unexpected(std::move(entry).error().with_context("table \"" + name + "\""));
    tables_.insert_or_assign(name, std::move(entry));
  }

  Result<Table*> find(std::string_view name) {
    auto found = tables_.find(name);
    if (found != tables_.end()) {
      if (!found->second) return std::unexpected(found->second.error());
      return found->second->get();
    }
    std::vector<std::string_view> names;
    for (const auto& [known, entry] : tables_) names.push_back(known);
    std::string message = "there is no table \"" + std::string(name) + "\"";
    message += names.empty() ? ": the database has no tables yet" : did_you_mean(name, names);
    return fail(Code::kNotFound, std::move(message));
  }

  FileSystem& fs_;
  Clock& clock_;
  const DatabaseOptions options_;
  std::unique_ptr<DatabaseDirectory> directory_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> tables_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<Database>> Database::open(FileSystem& fs, Clock& clock, const std::string& path,
                                                 DatabaseOptions options) {
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<DatabaseDirectory> directory, DatabaseDirectory::open(fs, path));
  if (options.block_cache_bytes > 0)
    options.table.block_cache = std::make_shared<BlockCache>(options.block_cache_bytes);
  const SpaceWatch::Marks marks{.soft_bytes = options.table.free_bytes_soft,
                                .hard_bytes = options.table.free_bytes_hard};
  options.table.space = std::make_shared<SpaceWatch>(fs, clock, path, marks);
  auto database = std::make_unique<OpenDatabase>(fs, clock, options, std::move(directory));
  TALLY_TRY(database->open_tables());
  return database;
}

}  // namespace tally
