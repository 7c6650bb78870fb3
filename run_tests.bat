@echo off
rem run_tests.py for Windows: run_tests.bat all
setlocal
set "PYTHON="
for %%v in (3.13 3.12 3.11 3.10) do (
    if not defined PYTHON (
        py -%%v -c "" >nul 2>nul && set "PYTHON=py -%%v"
    )
)
if not defined PYTHON (
    python -c "" >nul 2>nul && set "PYTHON=python"
)
if not defined PYTHON (
    echo run_tests.bat: needs Python 3.10-3.13; see https://www.python.org/downloads/
    exit /b 1
)
%PYTHON% "%~dp0run_tests.py" %*
exit /b %ERRORLEVEL%
