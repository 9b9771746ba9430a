#include "server/server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "base/this_thread.h"
#include "engine/fold_debt.h"
#include "server/admission.h"
#include "server/backup_statement.h"
#include "server/clock_statement.h"
#include "server/condition_watch.h"
#include "server/limits.h"
#include "server/metrics_text.h"
#include "server/ops_listener.h"
#include "server/session.h"
#include "server/show_settings.h"

namespace tally {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kSweepEvery(100);
constexpr std::chrono::milliseconds kAcceptPause(100);
constexpr TimeUs kStopPollUs = 10'000;
constexpr size_t kRefusedMax = 64;  // that are told why before they are closed

// Descriptors as far as the system allows: connections need one each.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

size_t worker_count(const Settings& settings) {
  if (settings.server.workers != 0) return settings.server.workers;
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

struct Server::Impl {
  enum class State { kStarting, kServing, kStopping };

  Impl(const SettingsTable& given, Clock& given_clock, ServerLog& given_log, std::string version)
      : table(given),
        settings(table.settings()),
        clock(given_clock),
        log(given_log),
        name("tally " + std::move(version)),
        work(asio::make_work_guard(network)),
        signals(network),
        sweep(network),
        acceptor(network),
        budget(settings.limits.ingest_bytes),
        admission({.connections = settings.limits.connections,
                   .silent = settings.limits.silent_connections,
                   .per_address = settings.limits.connections_per_address}) {}

  // Of the network thread.
  asio::awaitable<void> accept_connections();
  asio::awaitable<void> sweep_deadlines();
  void take_signals();
  void welcome(tcp::socket socket);
  Status listen(const ListenAddress& address);
  Health health() const;
  std::string metrics_page();
  template <class Work>
  auto on_network(Work work_there) {
    std::packaged_task<decltype(work_there())()> task(std::move(work_there));
    auto done = task.get_future();
    asio::post(network, std::move(task));
    return done.get();
  }

  const SettingsTable table;
  const Settings settings;
  Clock& clock;
  ServerLog& log;
  const std::string name;
  ServerMetrics metrics;
  TableHealth tables;
  std::atomic<State> state{State::kStarting};

  asio::io_context network{1};
  asio::executor_work_guard<asio::io_context::executor_type> work;
  asio::signal_set signals;
  asio::steady_timer sweep;
  tcp::acceptor acceptor;
  std::string tcp_address;
  std::unique_ptr<OpsListener> ops;
  ByteBudget budget;
  Admission admission;
  std::atomic<Database*> database{nullptr};
  std::unique_ptr<IngestService> ingest;
  std::unique_ptr<QueryEngine> engine;
  std::unique_ptr<BackupTaker> backups;
  std::unique_ptr<QueryService> queries;  // stands on it
  std::unique_ptr<ConditionWatch> conditions;
  std::unique_ptr<SessionServices> services;
  std::map<uint64_t, std::shared_ptr<Session>> sessions;
  uint64_t next_session = 1;
  bool sweeping = true;
  std::thread thread;

  mutable std::mutex mutex;
  std::condition_variable stop_asked;
  bool stop_wanted = false;  // guarded by mutex
};

// --- the network thread ------------------------------------------------------------------------------------------------

void Server::Impl::take_signals() {
  signals.async_wait([this](error_code error, int signal) {
    if (error) return;
    {
      std::lock_guard lock(mutex);
      if (stop_wanted) ::_exit(128 + signal);
      stop_wanted = true;
    }
    state.store(State::kStopping);
    log.info("asked to stop", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    stop_asked.notify_all();
    take_signals();
  });
}

asio::awaitable<void> Server::Impl::sweep_deadlines() {
  error_code error;
  while (sweeping) {
    sweep.expires_after(kSweepEvery);
    co_await sweep.async_wait(asio::redirect_error(asio::use_awaitable, error));
    const TimeUs now_us = clock.boottime_us();
    // A session may end within, so not over the map itself.
    std::vector<std::shared_ptr<Session>> all;
    all.reserve(sessions.size());
    for (const auto& [id, session] : sessions) all.push_back(session);
    for (const auto& session : all) session->check_deadlines(now_us);
  }
}

void Server::Impl::welcome(tcp::socket socket) {
  error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return;
  const std::string counted = counted_address(peer.address().to_string());
  const std::optional<std::string> refusal = admission.refusal(counted);
  if (refusal) {
    metrics.connections_refused.add();
    if (admission.refused() >= kRefusedMax) return;
  } else {
    metrics.connections_accepted.add();
  }
  const uint64_t id = next_session++;
  const bool ipv6 = peer.address().is_v6();
  const std::string from = ListenAddress{peer.address().to_string(), peer.port(), true}.to_string();
  const int descriptor = socket.release(error);
  if (error) return;
  auto session = Session::start(*services, descriptor, ipv6, id, from,
                                {.said_hello = [this](uint64_t known) { admission.said_hello(known); },
                                 .closed =
                                     [this](uint64_t gone) {
                                       admission.gone(gone);
                                       sessions.erase(gone);
                                     }});
  if (session == nullptr) return;
  sessions.emplace(id, session);
  if (!refusal) return admission.admit(id, counted);
  admission.refuse(id);
  session->refuse(WireStatus::kTooMany, *refusal);
}

asio::awaitable<void> Server::Impl::accept_connections() {
  asio::steady_timer pause(network);
  while (true) {
    tcp::socket socket(network);
    error_code error;
    co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
    if (error) {
      log.warn("a connection could not be taken", {{"reason", error.message()}});
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    welcome(std::move(socket));
  }
}

Status Server::Impl::listen(const ListenAddress& address) {
  error_code error;
  const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(Code::kIoError, "listening on " + address.to_string() + ": " + error.message());
  const tcp::endpoint bound = acceptor.local_endpoint(error);
  tcp_address = ListenAddress{bound.address().to_string(), bound.port(), true}.to_string();
  asio::co_spawn(network, accept_connections(), asio::detached);
  return {};
}

Health Server::Impl::health() const {
  switch (state.load()) {
    case State::kStarting: return {false, "starting: the log is being replayed"};
    case State::kServing: {
      std::string trouble = tables.text();
      const std::string more = conditions ? conditions->trouble() : "";
      if (!more.empty()) trouble += (trouble.empty() ? "" : "; ") + more;
      if (!trouble.empty()) return {false, std::move(trouble)};
      const std::string notes = conditions ? conditions->notes() : "";
      return {true, notes.empty() ? "ready" : "ready; " + notes};
    }
    case State::kStopping: break;
  }
  return {false, "stopping"};
}

std::string Server::Impl::metrics_page() {
  std::vector<TableReading> readings;
  if (Database* open = database.load()) {
    for (const std::string& table_name : open->table_names()) {
      auto found = open->table(table_name);
      if (!found) continue;
      TableReading& reading = readings.emplace_back(
          TableReading{.name = table_name, .stats = (*found)->stats(), .writes = write_reading(**found)});
      reading.condition = (*found)->condition();
      if (auto snapshot = (*found)->snapshot()) reading.fold_debt_rows = fold_debt_rows((*snapshot)->manifest());
    }
  }
  return metrics_text(metrics, readings, health().ready);
}

// --- its life ----------------------------------------------------------------------------------------------------------

Server::Server(const SettingsTable& settings, Clock& clock, ServerLog& log, std::string version)
    : impl_(std::make_unique<Impl>(settings, clock, log, std::move(version))) {}

Server::~Server() {
  if (impl_->thread.joinable()) {
    stop();
    impl_->on_network([this] {
      impl_->sweeping = false;
      impl_->sweep.cancel();
      impl_->signals.cancel();
      if (impl_->ops) impl_->ops->close();
    });
    impl_->work.reset();
    impl_->network.stop();
    impl_->thread.join();
  }
}

Status Server::start() {
  Impl& self = *impl_;
  TALLY_ASSIGN_OR_RETURN(ListenAddress tcp_address, parse_listen_address(self.settings.listen.tcp));
  TALLY_TRY(check_exposure(tcp_address));
  if (!self.settings.listen.ops.empty()) {
    TALLY_ASSIGN_OR_RETURN(ListenAddress address, parse_listen_address(self.settings.listen.ops));
    TALLY_TRY(check_exposure(address));
    TALLY_ASSIGN_OR_RETURN(self.ops, OpsListener::open(self.network, address,
                                                       {.metrics = [&self] { return self.metrics_page(); },
                                                        .health = [&self] { return self.health(); }}));
  }
  raise_descriptor_limit();
  error_code error;
  self.signals.add(SIGTERM, error);
  if (!error) self.signals.add(SIGINT, error);
  if (error) return fail(Code::kIoError, "signals: " + error.message());
  self.take_signals();
  asio::co_spawn(self.network, self.sweep_deadlines(), asio::detached);
  self.thread = std::thread([&self] {
    name_this_thread("network");
    self.network.run();
  });
  return {};
}

Status Server::serve(Database& database, const std::string& directory) {
  Impl& self = *impl_;
  self.ingest = std::make_unique<IngestService>(worker_count(self.settings));
  self.engine =
      std::make_unique<QueryEngine>(database, QueryEngineOptions{.threads = std::thread::hardware_concurrency()});
  self.backups = std::make_unique<BackupTaker>(database, directory, self.settings.storage.backup_directory);
  const auto run = [&self](const QueryMessage& query, const QueryOptions& options) {
    if (is_show_settings(query.sql)) return std::expected<QueryResult, QueryError>(show_settings(self.table.rows()));
    if (auto name = backup_statement(query.sql)) return self.backups->take(*name, options.stop);
    if (auto clock = clock_statement(query.sql)) {
      auto result = run_clock_statement(*self.database.load(), *clock);
      self.conditions->look();
      return result;
    }
    return self.engine->run(query.sql, query.parameters, options);
  };
  const QueryService::Limits query_limits{.running = self.settings.limits.queries_running,
                                          .waiting = self.settings.limits.queries_waiting,
                                          .time_us = self.settings.limits.query_time,
                                          .answer_us = self.settings.limits.answer_time,
                                          .memory_bytes = self.settings.limits.query_bytes,
                                          .slow_us = self.settings.log.slow_query};
  self.queries = std::make_unique<QueryService>(run, query_limits, self.clock, self.metrics, self.log);
  self.services.reset(new SessionServices{self.network, database, *self.ingest, *self.queries, self.budget,
                                          self.settings, self.metrics, self.tables, self.log, self.clock, self.name});
  self.conditions = std::make_unique<ConditionWatch>(database, self.log);
  self.conditions->start();
  self.database.store(&database);
  TALLY_ASSIGN_OR_RETURN(ListenAddress address, parse_listen_address(self.settings.listen.tcp));
  TALLY_TRY(self.on_network([&] { return self.listen(address); }));
  auto starting = Impl::State::kStarting;
  self.state.compare_exchange_strong(starting, Impl::State::kServing);
  return {};
}

void Server::table_takes_no_batches(const std::string& table, const std::string& reason) {
  impl_->tables.takes_no_batches(table, reason);
}

bool Server::stop_requested() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->stop_wanted;
}

void Server::wait_for_stop() {
  std::unique_lock lock(impl_->mutex);
  impl_->stop_asked.wait(lock, [this] { return impl_->stop_wanted; });
}

void Server::stop() {
  Impl& self = *impl_;
  self.state.store(Impl::State::kStopping);
  if (self.services == nullptr) return;
  self.on_network([&] {
    error_code ignored;
    self.acceptor.close(ignored);
    for (auto all = self.sessions; auto& [id, session] : all) session->drain("the server is stopping");
  });
  const TimeUs begun_us = self.clock.boottime_us();
  const auto gone = [&] { return self.on_network([&] { return self.sessions.empty(); }); };
  while (!gone() && self.clock.boottime_us() - begun_us < self.settings.limits.stop_time)
    self.clock.sleep_us(kStopPollUs);
  self.on_network([&] {
    if (!self.sessions.empty()) {
      self.log.warn("connections were cut", {{"connections", std::to_string(self.sessions.size())}});
    }
    for (auto all = self.sessions; auto& [id, session] : all) session->cut();
  });
  self.queries->stop();
  self.ingest->stop();
  self.conditions->stop();
  while (!gone()) self.clock.sleep_us(kStopPollUs);
  self.database.store(nullptr);
}

std::string Server::tcp_address() const { return impl_->tcp_address; }
std::string Server::ops_address() const { return impl_->ops ? impl_->ops->address() : ""; }

}  // namespace tally
