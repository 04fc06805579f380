#include "services/testing/memory_bus.hpp"

#include "platform/bus/testing/bus_contract.hpp"

namespace p2p::bus::testing {
namespace {

class MemoryBackend : public Backend {
 public:
  Bus& bus(const std::string& client_id) override {
    bus_.name_members(client_id);
    return bus_;
  }
  void recreate(const TopicSpec& topic) override { bus_.make_anew(topic.name); }

 private:
  p2p::testing::MemoryBus bus_;
};

const auto kMemory = ::testing::Values(Implementation{"memory", [] { return std::make_unique<MemoryBackend>(); }});
INSTANTIATE_TEST_SUITE_P(Memory, BusContract, kMemory);
INSTANTIATE_TEST_SUITE_P(Memory, RecreationContract, kMemory);

}  // namespace
}  // namespace p2p::bus::testing
