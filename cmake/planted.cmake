# posthorn_planted: the simulator on a server in which faults can be planted (src/base/planted_fault.hpp). Only the sources
# that hold faults are compiled a second time, with POSTHORN_PLANTED_FAULTS; they stand in front of the libraries, so that
# the linker takes them instead of the plain ones. `posthorn` itself carries nothing of them (tools/sim.py nothing-planted).
option(POSTHORN_PLANTED_FAULTS "build posthorn_planted, with the faults that the simulator must find" ON)

function(posthorn_planted_program)
  if(NOT POSTHORN_PLANTED_FAULTS OR NOT POSTHORN_SANITIZE STREQUAL "")
    return()
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/planted_sources.txt)
  file(STRINGS ${CMAKE_SOURCE_DIR}/cmake/planted_sources.txt planted REGEX "^src/")
  add_executable(posthorn_planted tests/sim/planted_main.cpp tests/sim/planted_faults.cpp ${planted})
  target_compile_definitions(posthorn_planted PRIVATE POSTHORN_PLANTED_FAULTS)
  target_link_libraries(posthorn_planted PRIVATE posthorn_proof)
  set_target_properties(posthorn_planted PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()
