// Where loaded batches go: a table of a database in this process, or one behind a server. Threads: as Table.
#pragma once

#include <memory>
#include <string>

#include "engine/table.h"
#include "tools/open_database.h"

namespace tally {

class Console;

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual const std::string& name() const = 0;
  virtual std::shared_ptr<const Schema> schema() const = 0;
  virtual Result<std::string> id() = 0;  // of the table, in hex: another table of the same name has another
  virtual Status prepare_writes() = 0;
  // As Table::ingest_async.
  virtual void ingest_async(IngestBatch batch, Table::Done done) = 0;
};

class TableSink final : public EventSink {
 public:
  explicit TableSink(Table& table) : table_(table) {}
  const std::string& name() const override { return table_.name(); }
  std::shared_ptr<const Schema> schema() const override { return table_.schema(); }
  Result<std::string> id() override { return table_id(table_); }
  Status prepare_writes() override { return table_.prepare_writes(); }
  void ingest_async(IngestBatch batch, Table::Done done) override {
    table_.ingest_async(std::move(batch), std::move(done));
  }

 private:
  Table& table_;
};

// The table `table` of the server at `address`. While the server is gone, `console`, which outlives the sink, says so.
Result<std::unique_ptr<EventSink>> connect_sink(Console& console, const std::string& address, const std::string& table);

}  // namespace tally
