# Writes OUT, which makes each suite of the test program PROGRAM a test of ctest, PREFIX.SUITE. A
# process for each suite instead of each test: loading LibTorch takes longer than most tests do.
# cmake -D PROGRAM=... -D PREFIX=... -D TIMEOUT=seconds -D OUT=FILE -P list_suites.cmake
execute_process(COMMAND ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE listed RESULT_VARIABLE status)
if(status)
  message(FATAL_ERROR "${PROGRAM} --gtest_list_tests ended with ${status}")
endif()
string(REPLACE "\n" ";" lines "${listed}")
set(tests)
foreach(line IN LISTS lines)
  if(line MATCHES "^([^ ]+)\\.( |$)")
    set(suite ${CMAKE_MATCH_1})
    string(APPEND tests
      "add_test([==[${PREFIX}.${suite}]==] [==[${PROGRAM}]==] [==[--gtest_filter=${suite}.*]==])\n"
      "set_tests_properties([==[${PREFIX}.${suite}]==] PROPERTIES TIMEOUT ${TIMEOUT}\n"
      "  SKIP_RETURN_CODE 77 ENVIRONMENT OMP_WAIT_POLICY=passive)\n")
  endif()
endforeach()
if(NOT tests)
  message(FATAL_ERROR "${PROGRAM}: expected tests, found none")
endif()
file(WRITE ${OUT} "${tests}")
