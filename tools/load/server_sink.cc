#include "server/client/client.h"
#include "tools/console.h"
#include "tools/load/event_sink.h"

namespace tally {
namespace {

class ServerSink final : public EventSink {
 public:
  explicit ServerSink(std::unique_ptr<Client> client)
      : schema_(std::make_shared<const Schema>(client->schema())), client_(std::move(client)) {}
  const std::string& name() const override { return schema_->table_name; }
  std::shared_ptr<const Schema> schema() const override { return schema_; }
  Result<std::string> id() override { return hex(client_->table_uuid()); }
  Status prepare_writes() override { return {}; }
  void ingest_async(IngestBatch batch, Table::Done done) override { client_->send(std::move(batch), std::move(done)); }

 private:
  std::shared_ptr<const Schema> schema_;
  std::unique_ptr<Client> client_;
};

}  // namespace

Result<std::unique_ptr<EventSink>> connect_sink(Console& console, const std::string& address,
                                                const std::string& table) {
  auto say = [&console, address](const std::string& why) {
    console.message(why.empty() ? "the server at " + address + " is there again" : why);
  };
  TALLY_ASSIGN_OR_RETURN(auto client,
                         Client::connect({.address = address, .table = table, .on_outage = std::move(say)}));
  return std::make_unique<ServerSink>(std::move(client));
}

}  // namespace tally
