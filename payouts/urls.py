"""The addresses of payouts: an artist's earnings, and the desk's runs."""

from django.urls import path

from payouts import bank_pages, desk, payout_pages, statement_pages, studio

app_name = "payouts"
urlpatterns = [
    path("studio/earnings/", studio.earnings, name="earnings"),
    path("studio/earnings/threshold/", studio.choose_threshold, name="choose_threshold"),
    path("studio/earnings/lines/<int:posting_id>/", studio.line, name="line"),
    path("studio/earnings/pool/", studio.pool, name="pool"),
    path("studio/earnings/statement/", studio.statement, name="statement"),
    path("studio/earnings/statement.csv", studio.statement_file, {"form": "csv"}, name="statement_csv"),
    path("studio/earnings/statement.xlsx", studio.statement_file, {"form": "xlsx"}, name="statement_xlsx"),
    path("studio/earnings/statements/", statement_pages.issued, name="issued"),
    path("studio/earnings/statements/issue/", statement_pages.issue, name="issue"),
    path("studio/earnings/statements/<int:pk>.pdf", statement_pages.issued_file, name="issued_file"),
    path("studio/earnings/set-up/", studio.set_up, name="set_up"),
    path("studio/earnings/set-up/<int:payee_id>/again/", studio.set_up_again, name="set_up_again"),
    path("studio/earnings/set-up/<int:payee_id>/done/", studio.set_up_done, name="set_up_done"),
    path("studio/earnings/bank/<int:payee_id>/", bank_pages.bank, name="bank"),
    path("studio/earnings/bank/<int:payee_id>/stripe/", bank_pages.use_stripe, name="use_stripe"),
    path("desk/payouts/", desk.run_list, name="runs"),
    path("desk/payouts/open/", desk.open_run, name="open_run"),
    path("desk/payouts/statements/<int:pk>.pdf", statement_pages.any_issued_file, name="any_issued_file"),
    path("desk/payouts/blocks/", desk.block_list, name="blocks"),
    path("desk/payouts/blocks/place/", desk.place_block, name="place_block"),
    path("desk/payouts/blocks/<int:block_id>/lift/", desk.lift_block, name="lift_block"),
    path("desk/payouts/<int:run_id>/", desk.run, name="run"),
    path("desk/payouts/<int:run_id>/progress/", desk.run_progress, name="run_progress"),
    path("desk/payouts/<int:run_id>/prepare/", desk.prepare, name="prepare"),
    path("desk/payouts/<int:run_id>/approve/", desk.approve, name="approve"),
    path("desk/payouts/<int:run_id>/cancel/", desk.cancel, name="cancel"),
    path("desk/payouts/<int:run_id>/execute/", desk.execute, name="execute"),
    path("desk/payouts/<int:run_id>/pause/", payout_pages.pause, name="pause"),
    path("desk/payouts/<int:run_id>/resume/", payout_pages.resume, name="resume"),
    path("desk/payouts/<int:run_id>/files/<str:rail>/issue/", payout_pages.issue_file, name="issue_file"),
    path("desk/payouts/files/<int:file_id>/", payout_pages.download_file, name="payout_file"),
    path("desk/payouts/files/<int:file_id>/confirm/", payout_pages.confirm_file, name="confirm_file"),
    path("desk/payouts/payout/<int:payout_id>/", payout_pages.payout, name="payout"),
    path("desk/payouts/payout/<int:payout_id>/retry/", payout_pages.retry, name="retry"),
    path("desk/payouts/payout/<int:payout_id>/release/", payout_pages.release, name="release"),
    path("desk/payouts/payout/<int:payout_id>/confirm/", payout_pages.confirm_one, name="confirm_payout"),
    path("desk/payouts/payout/<int:payout_id>/come-back/", payout_pages.come_back, name="come_back"),
    path("desk/payouts/<int:run_id>/register.csv", desk.register_file, {"form": "csv"}, name="run_csv"),
    path("desk/payouts/<int:run_id>/register.xlsx", desk.register_file, {"form": "xlsx"}, name="run_xlsx"),
]
