"""The addresses of payouts: an artist's earnings, and the desk's runs and reports."""

from django.urls import path

from payouts import desk, report_pages, studio

app_name = "payouts"
urlpatterns = [
    path("studio/earnings/", studio.earnings, name="earnings"),
    path("studio/earnings/threshold/", studio.choose_threshold, name="choose_threshold"),
    path("studio/earnings/lines/<int:posting_id>/", studio.line, name="line"),
    path("studio/earnings/statement/", studio.statement, name="statement"),
    path("studio/earnings/statement.csv", studio.statement_csv, name="statement_csv"),
    path("studio/earnings/set-up/", studio.set_up, name="set_up"),
    path("studio/earnings/set-up/<int:payee_id>/again/", studio.set_up_again, name="set_up_again"),
    path("studio/earnings/set-up/<int:payee_id>/done/", studio.set_up_done, name="set_up_done"),
    path("desk/payouts/", desk.run_list, name="runs"),
    path("desk/payouts/open/", desk.open_run, name="open_run"),
    path("desk/payouts/blocks/", desk.block_list, name="blocks"),
    path("desk/payouts/blocks/place/", desk.place_block, name="place_block"),
    path("desk/payouts/blocks/<int:block_id>/lift/", desk.lift_block, name="lift_block"),
    path("desk/payouts/<int:run_id>/", desk.run, name="run"),
    path("desk/payouts/<int:run_id>/progress/", desk.run_progress, name="run_progress"),
    path("desk/payouts/<int:run_id>/prepare/", desk.prepare, name="prepare"),
    path("desk/payouts/<int:run_id>/approve/", desk.approve, name="approve"),
    path("desk/payouts/<int:run_id>/cancel/", desk.cancel, name="cancel"),
    path("desk/payouts/<int:run_id>/execute/", desk.execute, name="execute"),
    path("desk/payouts/<int:run_id>/register.csv", desk.register_csv, name="run_csv"),
    path("desk/reports/", report_pages.index, name="reports"),
    path("desk/reports/payouts/", report_pages.register, name="register"),
    path("desk/reports/payouts/register.csv", report_pages.register_csv, name="register_csv"),
    path("desk/reports/trial-balance/", report_pages.trial, name="trial_balance"),
    path("desk/reports/trial-balance.csv", report_pages.trial_csv, name="trial_balance_csv"),
    path("desk/reports/blocks.csv", report_pages.blocks_csv, name="blocks_csv"),
]
