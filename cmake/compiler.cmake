# The compiler, the warnings that are errors, the hardening, and the sanitizer of the preset.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()

# docs/decisions/0001-clang.md: GCC 12 destroys temporaries in co_await expressions twice.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR "GCC ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines. Use Clang 19 (make deps installs it; make build selects it).")
endif()

set(POSTHORN_SANITIZE "" CACHE STRING "empty, address, thread or fuzzer")

add_library(posthorn_options INTERFACE)
target_compile_options(posthorn_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual
  -Wextra-semi -Wimplicit-fallthrough -Wswitch-enum -Wthread-safety -Wno-c++98-compat -Werror
  -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
  -Wno-missing-designated-field-initializers -fPIE -fno-omit-frame-pointer -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_compile_definitions(posthorn_options INTERFACE _GLIBCXX_ASSERTIONS BOOST_ASIO_NO_DEPRECATED
  POSTHORN_VERSION="${PROJECT_VERSION}")
target_link_options(posthorn_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_link_options(posthorn_options INTERFACE -fuse-ld=lld)
endif()

if(POSTHORN_SANITIZE STREQUAL "")
  target_compile_definitions(posthorn_options INTERFACE _FORTIFY_SOURCE=3)
elseif(POSTHORN_SANITIZE STREQUAL "address")
  target_compile_options(posthorn_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(posthorn_options INTERFACE -fsanitize=address,undefined)
elseif(POSTHORN_SANITIZE STREQUAL "thread")
  target_compile_options(posthorn_options INTERFACE -fsanitize=thread)
  target_link_options(posthorn_options INTERFACE -fsanitize=thread)
elseif(POSTHORN_SANITIZE STREQUAL "fuzzer")
  target_compile_options(posthorn_options INTERFACE -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
  target_link_options(posthorn_options INTERFACE -fsanitize=address,undefined)
else()
  message(FATAL_ERROR "POSTHORN_SANITIZE=${POSTHORN_SANITIZE}: say address, thread, fuzzer or nothing")
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=10G ${CCACHE})
endif()
