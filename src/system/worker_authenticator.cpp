#include "system/worker_authenticator.hpp"

#include "world/wait.hpp"

#include <functional>
#include <utility>

namespace posthorn::system {
namespace {

using world::AuthAnswer;

/// A step on its way: shared by the task that waits and the worker that does it, so that neither needs the other to live.
struct Step {
  explicit Step(world::Loop& loop) : done(loop) {}
  world::Event done;  // touched on the loop only
  AuthAnswer answer;
};

class WorkerExchange final : public world::AuthExchange {
 public:
  WorkerExchange(std::shared_ptr<SaslExchange> conversation, world::Workers& workers, world::Loop& loop)
      : conversation_(std::move(conversation)), workers_(workers), loop_(loop) {}

  ~WorkerExchange() override {
    if (conversation_ != nullptr)
      workers_.run([conversation = std::move(conversation_)]() mutable { conversation.reset(); });
  }

  world::Task<AuthAnswer> respond(std::optional<Secret> response, MonotonicTime deadline) override {
    auto words = std::make_shared<std::optional<Secret>>(std::move(response));
    co_return co_await run([words](SaslExchange& conversation) { return conversation.respond(*words); }, deadline);
  }

  world::Task<AuthAnswer> proceed(MonotonicTime deadline) override {
    co_return co_await run([](SaslExchange& conversation) { return conversation.proceed(); }, deadline);
  }

 private:
  world::Task<AuthAnswer> run(std::function<AuthAnswer(SaslExchange&)> work, MonotonicTime deadline) {
    if (conversation_ == nullptr) co_return AuthAnswer{};
    const auto step = std::make_shared<Step>(loop_);
    workers_.run([step, conversation = conversation_, work = std::move(work), &loop = loop_]() mutable {
      step->answer = work(*conversation);
      conversation.reset();
      loop.post([step = std::move(step)] { step->done.set(); });
    });
    if (co_await step->done.wait(deadline)) co_return std::move(step->answer);
    conversation_.reset();  // it is the worker's until that step ends
    co_return AuthAnswer{AuthAnswer::Kind::trouble, "the source of passwords did not answer in time"};
  }

  std::shared_ptr<SaslExchange> conversation_;  // goes on a worker, too: it may have to tell another process
  world::Workers& workers_;
  world::Loop& loop_;
};

}  // namespace

world::Task<world::AuthOffer> WorkerAuthenticator::offer(world::Loop& loop) {
  co_return co_await world::on_workers(workers_, loop, [this] { return service_.offer(); });
}

std::unique_ptr<world::AuthExchange> WorkerAuthenticator::begin(world::Loop& loop, world::AuthStart start) {
  return std::make_unique<WorkerExchange>(std::shared_ptr<SaslExchange>(service_.begin(std::move(start))), workers_,
                                          loop);
}

}  // namespace posthorn::system
