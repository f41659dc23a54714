#include "service/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>
#include <vector>

namespace posthorn::service {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  void counter(std::string name, std::string help, std::uint64_t value) {
    ClientMetric metric;
    metric.counter.value = static_cast<double>(value);
    add(std::move(name), std::move(help), MetricType::Counter, {std::move(metric)});
  }
  void gauge(std::string name, std::string help, std::uint64_t value) {
    ClientMetric metric;
    metric.gauge.value = static_cast<double>(value);
    add(std::move(name), std::move(help), MetricType::Gauge, {std::move(metric)});
  }
  void gauge_by(std::string name, std::string help, const std::string& label,
                const std::vector<std::pair<std::string, std::uint64_t>>& values) {
    std::vector<ClientMetric> metrics;
    for (const auto& [value_of_label, value] : values) {
      ClientMetric metric;
      metric.label.push_back({label, value_of_label});
      metric.gauge.value = static_cast<double>(value);
      metrics.push_back(std::move(metric));
    }
    add(std::move(name), std::move(help), MetricType::Gauge, std::move(metrics));
  }
  void add(std::string name, std::string help, MetricType type, std::vector<ClientMetric> metrics) {
    families_.push_back({std::move(name), std::move(help), type, std::move(metrics)});
  }
  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  std::vector<MetricFamily> families_;
};

void add_recipients(Families& families, const QueueFacts& queue, const store::SpoolFacts& spool,
                    const RemoteDeliveryFacts* remote) {
  families.counter("posthorn_messages_accepted_total", "Messages taken since the start, our reports among them",
                   queue.messages);
  families.counter("posthorn_recipients_accepted_total",
                   "Recipients taken since the start; accepted + recovered = delivered + bounced + removed + waiting",
                   queue.accepted);
  families.counter("posthorn_recipients_recovered_total", "Recipients that waited when the server started",
                   queue.recovered);
  families.counter("posthorn_recipients_delivered_total", "Delivered here or taken by the next host", queue.delivered);
  families.counter("posthorn_recipients_bounced_total", "Failed for good, expired ones among them", queue.bounced);
  families.counter("posthorn_recipients_expired_total", "Failed because their time was over", queue.expired);
  families.counter("posthorn_recipients_removed_total", "Removed by an operator", queue.removed);
  families.counter("posthorn_attempts_deferred_total", "Attempts that ended in 'later', by recipients",
                   queue.deferrals);
  families.counter("posthorn_attempts_ambiguous_total",
                   "Connections lost after the final dot, by recipients: each may have made a duplicate",
                   queue.ambiguous);
  families.counter("posthorn_attempts_may_repeat_total",
                   "Attempts for messages of an earlier start, which may have sent them and died: each may have made "
                   "a duplicate",
                   remote != nullptr ? remote->may_be_repeats : 0);
  families.counter("posthorn_groups_quarantined_total", "Groups of messages that could not be read any more",
                   queue.quarantined);
  families.counter("posthorn_delivered_after_removal_total",
                   "Recipients removed while an attempt was under way that succeeded", queue.delivered_after_removal);
  families.gauge_by("posthorn_recipients_waiting", "Recipients in the spool", "status",
                    {{"queued", spool.queued_recipients}, {"held", spool.held_recipients}});
}

void add_spool(Families& families, const store::SpoolFacts& spool) {
  families.gauge("posthorn_messages_waiting", "Messages in the spool", spool.messages);
  families.gauge("posthorn_spool_accepting", "1 while messages are taken", spool.accepting ? 1 : 0);
  families.gauge("posthorn_spool_free_octets", "Free on the spool's file system", spool.free_octets);
  families.gauge("posthorn_spool_segments", "Segment files", spool.segments);
  families.gauge("posthorn_spool_failed_segments", "Sealed after an error of the disk", spool.failed_segments);
  families.counter("posthorn_spool_commits_total", "Messages made durable", spool.commits);
  families.counter("posthorn_spool_batches_total", "Writes with their sync", spool.batches);
  families.counter("posthorn_spool_failed_batches_total", "Writes or syncs that failed", spool.failed_batches);
  families.counter("posthorn_messages_damaged_total", "Messages whose text or envelope failed its check",
                   spool.damaged_messages);
}

void add_plan(Families& families, const QueueManager& queue) {
  const auto& local = queue.local_plan();
  const auto& remote = queue.remote_plan();
  families.gauge_by("posthorn_deliveries_running", "Attempts under way", "lane",
                    {{"local", local.running()}, {"remote", remote.running()}});
  families.gauge_by("posthorn_queue_entries", "Messages by destination, waiting, held or under way", "lane",
                    {{"local", local.size()}, {"remote", remote.size()}});
  families.gauge_by("posthorn_queue_destinations", "Destinations something is known of", "lane",
                    {{"local", local.destinations()}, {"remote", remote.destinations()}});
  families.gauge("posthorn_queue_recovered", "1 when all that waited at the start is known",
                 queue.facts().is_recovered ? 1 : 0);
}

void add_commits(Families& families, const Traffic& traffic) {
  ClientMetric metric;
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < Traffic::bounds.size(); ++at) {
    sum += traffic.waits(at);
    metric.histogram.bucket.push_back({sum, Traffic::bounds[at]});
  }
  metric.histogram.sample_count = sum + traffic.waits(Traffic::bounds.size());
  metric.histogram.sample_sum = std::chrono::duration<double>(traffic.waited()).count();
  families.add("posthorn_commit_seconds", "From the end of a message's data to its being durable",
               MetricType::Histogram, {std::move(metric)});
}

}  // namespace

std::string Metrics::text() const {
  Families families;
  const auto spool = world_.spool.facts();
  add_recipients(families, world_.queue.facts(), spool, world_.remote);
  families.counter("posthorn_recipients_refused_total", "RCPT answered with a refusal",
                   world_.traffic.recipients_refused());
  families.counter("posthorn_messages_refused_total", "Refused after their data, or not stored",
                   world_.traffic.messages_refused());
  add_commits(families, world_.traffic);
  families.gauge("posthorn_connections_open", "Incoming SMTP sessions", world_.connections.open());
  families.counter("posthorn_connections_total", "Incoming SMTP sessions since the start",
                   world_.connections.admitted());
  families.counter("posthorn_connections_refused_total", "Refused by a limit", world_.connections.refused());
  add_spool(families, spool);
  add_plan(families, world_.queue);
  families.counter("posthorn_history_dropped_total", "Lines or writes of the history that were lost",
                   world_.history.dropped());
  return families.text();
}

}  // namespace posthorn::service
