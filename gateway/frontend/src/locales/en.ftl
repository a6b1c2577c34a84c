### Texts of the pages. Short, calm, kind; never technical.

## Everywhere

loading = One moment
loading-hint = Getting things ready…
one-moment = One moment, please
one-moment-hint = We are trying to reach the clinic. You need not do anything; this page keeps trying.
try-again = Try again
done = Done
cancel = Cancel
languages = Languages
phone-help = You can also phone:
minutes = { $minutes ->
    [0] just now
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}

## Camera and microphone

devices = Camera and microphone
devices-unsupported = This app cannot use your camera or microphone. Please open this page in Safari, Chrome, Firefox or Edge.
self-view = Your own picture
camera = Camera
camera-none = Your camera is off
camera-asking = Your browser asks to use your camera. Please choose “Allow”.
camera-idle = Your camera is off.
camera-off = Your camera is off.
camera-turn-on = Camera on
camera-turn-off = Camera off
camera-blocked = Your camera is blocked. Choose the camera sign beside the page’s address, allow it, then try again.
camera-blocked_by_system = Your device does not let this browser use the camera. Allow it in the device’s privacy settings, then try again.
camera-in_use = Another app is using your camera. Close that app, then try again.
camera-absent = We found no camera. You can go on with sound alone.
microphone = Microphone
microphone-asking = Your browser asks to use your microphone. Please choose “Allow”.
microphone-idle = Your microphone is off.
microphone-off = Your microphone is off.
microphone-turn-on = Microphone on
microphone-blocked = Your microphone is blocked. Choose the microphone sign beside the page’s address, allow it, then try again.
microphone-blocked_by_system = Your device does not let this browser use the microphone. Allow it in the device’s privacy settings, then try again.
microphone-in_use = Another app is using your microphone. Close that app, then try again.
microphone-absent = We found no microphone. You can still see and hear the others.
microphone-level = How loud your microphone hears you

## The door of a clinic

unknown-title = We cannot find this clinic
unknown-hint = Please check the link you were given, or ask the clinic to send it again.
clinic-closed = The clinic is closed just now.
clinic-suspended = The clinic cannot see patients here at the moment.
clinic-full = The waiting area is full just now. Please try again in a few minutes.
look-again = Look again
information-go-on = Go on
entry-lead = Please tell us who you are. Then you can wait here until you are seen.
entry-again = You still have your place. Please tell us your name again.
entry-name = Your name
entry-speaks = I speak for somebody else
entry-patient-name = Name of the patient
entry-own-name = Your own name
entry-speaks-as = You are the patient’s
speaks-as-relative = relative or friend
speaks-as-carer = carer
speaks-as-interpreter = interpreter
entry-prefilled = Your clinic’s link has filled in some of this. Please check that it is right.
entry-appointment = Your appointment: { $time }
terms-title = Terms
terms-accept = I accept these terms
entry-optional = (if you like)
entry-choose = Please choose
entry-enter = Enter the waiting area
entry-entering = Entering…
entry-privacy = Only the clinic’s staff see what you write here. It is deleted soon after your visit.
entry-one-moment = We could not reach the clinic. Please try again in a moment.
entry-crowded = Many people are entering from your network just now. You need not do anything; this page tries again by itself.
entry-refused = That did not work. Please try again.
entry-faults = { $count ->
    [one] Please look at one answer again.
   *[other] Please look at { $count } answers again.
}
fault-required = Please fill this in.
fault-invalid = Please check this answer.
fault-too_long = Please make this shorter.

## Waiting

waiting-title = You are in the waiting area
waiting-lead = The clinic knows that you are here.
held-title = Your consultation is paused
held-lead = Please stay: it goes on in a moment.
waiting-reconnecting = We lost the connection for a moment. Your place is kept.
waiting-stay = Please keep this page open. The call starts by itself. Nobody else can see or hear you while you wait.
waiting-position = { $position ->
    [1] You are next.
   *[other] You are number { $position } in the queue.
}
waiting-delayed = The clinic wants to see you, but all places for calls are taken just now. You keep your place; they try again soon.
waiting-blocked = This network lets you wait here, but it blocks what the call needs. Please change to another network now, for example mobile data, or phone the clinic. You keep your place.
waiting-without = You can also wait and talk without a camera.
waiting-transferred = You are in the waiting area of { $clinic } now. You have kept your place.
waiting-leave = Leave the waiting area
waiting-leave-sure = If you leave, you give up your place.
waiting-keep = Keep my place

## The test before the call

checks-title = Test of this device
checks-again = Test again
checks-not-tested = Sound and picture themselves take their way only when the call begins; this test does not try it.
check-camera-unknown = Camera: not known yet
check-camera-on = Your camera works.
check-camera-off = Your camera is not on. You can talk without it.
check-microphone-unknown = Microphone: not known yet
check-microphone-on = Your microphone works.
check-microphone-silent = Your microphone is on, but we hear nothing. Say something, or choose another one.
check-microphone-off = Your microphone is not on. The clinic would not hear you.
check-calls-unknown = Browser: not known yet
check-calls-ready = This browser can lead a call.
check-calls-no_udp = This browser or network may not let a call through. Try another network or device, or phone the clinic.
check-calls-no_codec = This browser cannot send sound and picture as we need them. Try Safari, Chrome, Firefox or Edge.
check-calls-unsupported = This browser cannot lead a call. Try Safari, Chrome, Firefox or Edge.
check-network-unknown = Connection: not known yet
check-network-good = Your connection to the clinic is quick.
check-network-fair = Your connection to the clinic is a little slow.
check-network-slow = Your connection to the clinic is slow. Go nearer to your Wi-Fi, or use another network.

## After the call

stepped-out-title = You have left the call
stepped-out-hint = If that was a mistake, you can go back now.
go-back = Go back to the call
finish = I am finished
left-title = You have left
left-hint = You are no longer waiting. You can close this page.
wait-again = Come back
ended-title = Your consultation has ended
ended-hint = Thank you for coming. You can close this page.
ended-go-on = Go on to { $host }
expired-title = Your place is not kept any more
expired-hint = Your visit was ended, or this page was not heard of for too long. You can come back, or phone the clinic.
message-from = The clinic wrote this at { $time }.
refused-title = The clinic cannot see you here today
refused-hint = Please contact the clinic to find out what to do next.
replaced-title = Your visit is open elsewhere
replaced-hint = You opened this page in another tab or on another device. It goes on there.
use-here = Use this page instead
trouble-title = We could not start the call
trouble-hint = This was not your fault. Please try again.

## A guest with a link

guest-lead = You were invited. Please tell us who you are, then knock: somebody will let you in.
guest-knock = Knock
guest-knock-again = Knock again
guest-privacy = Only those in the call and the clinic’s staff see your name. It is deleted when you have left.
guest-knocking-title = You are knocking
guest-knocking-lead = They know that you are here.
guest-knocking-stay = Please keep this page open. You are let in by itself as soon as somebody opens. Nobody can see or hear you until then.
guest-consultation = Consultation
guest-leave = Do not wait any more
guest-unknown-title = This link opens nothing
guest-unknown-hint = It was used already, has run out, or was taken back. Please ask the clinic for a new link.
guest-left-hint = You can knock again for as long as your link is good.
guest-refused-title = You cannot be let in now
guest-refused-hint = Please ask the clinic for a new link if you are expected.
guest-removed-title = You were put out of the call
guest-removed-hint = If that was a mistake, you can knock again.
guest-ended-title = The call has ended
guest-ended-hint = You can close this page. If it goes on, you can go back while your link is good.
guest-over-hint = You can close this page.
guest-full-title = There is no room for more people
guest-full-hint = As many people are in the call as it can take. Try again when somebody has left.
guest-locked-title = This call is locked
guest-locked-hint = Nobody new can join it now. Try again in a while, or contact the clinic.
guest-blocked = This network blocks what the call needs. Please change to another network, for example mobile data; this page goes on there by itself.

## The call

call-title = Call with
call-controls = Call controls
screen-share = Share screen
screen-stop = Stop sharing
badge-screen = shows a screen
call-devices = Devices
call-people = People in this call
call-alone = You are here. The others will appear as soon as they join.
call-connecting = Connecting…
call-blocked = This network blocks what the call needs. Please change to another network, for example mobile data; the call goes on there by itself.
call-reconnecting = The connection was lost for a moment. We are bringing it back; please stay.
call-held = You are held in the call. Nobody can see or hear you until the call goes on.
call-not-permitted = You cannot do that in this call.
call-joined = { $name } has joined
call-left = { $name } has left
call-leave = Leave
call-end = End for all
call-end-sure = Really end?
mute = Mute
unmute = Unmute
turn-on-sound = Turn on the sound
picture-of = Picture of { $name }
role-patient = Patient
role-clinician = Clinician
role-staff = Staff
role-guest = Guest
badge-muted = Muted
badge-held = Held in the call
badge-no-camera = No camera
call-muted-by = { $name } muted your microphone.
call-locked = This call is locked: nobody new can join.
call-lock = Lock
call-unlock = Unlock
call-too-fast = That was too fast. Please wait a moment.
chat = Chat
chat-unread = Chat ({ $count })
chat-messages = Messages
chat-empty = Nothing has been written yet. Only people in this call can read what you write; it is gone when the call ends.
chat-write = Write to everybody
chat-send = Send
chat-close = Close
chat-from = New message from { $name }
mute-them = Mute
mute-them-named = Mute { $name }
pin-on = Pin
pin-on-named = Show { $name } large
pin-off = Unpin
pin-off-named = Show { $name } like the others
remove = Remove
remove-named = Remove { $name }
remove-sure = Really remove?
remove-sure-named = Really remove { $name }?
badge-speaking = Speaking
badge-stalled = Connection trouble
hold-on = Hold in the call
hold-on-named = Hold { $name } in the call: neither seen nor heard
hold-off = Release
hold-off-named = Release { $name }: seen and heard again
you = You

## Staff

home-title = Teleward
home-patients = Patients: please use the link that your clinic sent you.
home-staff = Do you work at a clinic?
sign-in = Sign in
sign-in-title = Sign in
sign-in-none = Signing in is not set up here. Please ask whoever runs this service.
sign-in-development = These accounts are for trying things out. Never use them with real patients.
sign-in-secret = Secret
sign-in-refused = That did not work. Check the secret and try again.
sign-in-with = Sign in with { $issuer }
sign-in-fault-denied = You were not signed in: you said no, or your organisation does not let this account in. Try again, or choose another account.
sign-in-fault-expired = This sign-in took too long or was begun in another window. Please begin again.
sign-in-fault-unreachable = The sign-in service of your organisation does not answer. Wait a moment and try again; if it stays so, call your IT support.
sign-in-fault-refused = The answer of the sign-in service could not be trusted, so nobody was signed in. Begin again; if it happens again, tell your IT support.
sign-in-fault-misconfigured = The sign-in service and this service do not know each other. Ask your IT support to check the client and its secret.
sign-in-fault-no_user = The sign-in service did not say who you are. Ask your IT support to send the user claim to this service.
sign-in-fault-email_unverified = Your e-mail address is not verified at your organisation’s sign-in service. Verify it there and sign in again.
sign-in-fault-too_many_groups = You are in so many groups that the sign-in service leaves them out. Ask your IT support to send only the groups of this application, or your administrator to add you by name.
sign-in-fault-not_a_member = You belong to no clinic here yet. Ask your clinic’s administrator to add you, or sign in with another account.
sign-in-fault-one_moment = One moment, please. Try again shortly.
sign-out = Sign out
clinics-title = Your clinics
clinics-none = You belong to no clinic yet. Ask your clinic’s administrator to add you.
reports-of = Reports of { $organisation }
reports-title = Reports
reports-from = From
reports-to = To
reports-day = Day
reports-clinic = Clinic
reports-every-clinic = Every clinic
reports-by = One row for each
reports-by-day = day
reports-by-month = month
reports-by-range = clinic
reports-empty = Nothing was counted in these days.
reports-range = Choose at most 400 days, the first one before the last.
reports-entered = Entered
reports-transferred_here = Transferred here
reports-consulted = Seen
reports-unseen = Ended unseen
reports-refused = Refused
reports-left = Left
reports-vanished = Page closed
reports-transferred = Transferred away
reports-waited = Waited until called in
reports-consultation = Length of consultation
reports-spread = half up to { $half } min, nine in ten up to { $most } min
reports-withheld = too few to tell
reports-least = Times of fewer than { $least } patients are not shown, so that nobody can be recognised.
reports-download = Download { $format }
suspended-badge = suspended
suspended-staff = This clinic is suspended: no patient can enter.
not-found-title = There is nothing here
not-found-hint = The page does not exist, or it is not yours to open.
to-clinics = Your clinics
to-dashboard = Back to the clinic
team-OrganisationAdmin = Organisation administrator
team-OrganisationReporter = Organisation reporter
team-ClinicAdmin = Clinic administrator
team-Clinician = Clinician
team-Receptionist = Reception
team-Referrer = Referrer
team-Interpreter = Interpreter
queue-title = { $count ->
    [0] Nobody is waiting
    [one] { $count } person is waiting
   *[other] { $count } people are waiting
}
queue-empty = New patients appear here by themselves.
queue-connecting = Connecting to the queue…
queue-blocked = This network blocks WebSockets. The queue works, but calls will not. Please use another network, or ask your IT support to let WebSockets pass.
queue-arrived = { $name } is waiting
queue-vanished = { $name } was not connected any more and is not in the queue now.
queue-search = Search
queue-filter = Show
queue-filter-all = Everybody
queue-filter-waiting = Who waits
queue-filter-seen = Who is being seen
queue-filter-away = Who is not connected
queue-sort = Order
queue-sort-queue = As the clinic goes
queue-sort-longest = Longest wait first
queue-sort-name = By name
queue-sort-appointment = By appointment
queue-part = { $shown } of { $all } shown.
queue-whole = Show everybody
queue-arrived-at = since { $time }
queue-appointment = appointment { $time }
queue-speaker = { $name } speaks ({ $role })
queue-device = Device
device-phone = Phone
device-tablet = Tablet
device-computer = Computer
device-unknown = Device not known
device-browser = { $browser }
device-camera-off = camera off
device-camera-blocked = camera blocked
device-camera-in_use = camera in use elsewhere
device-camera-absent = no camera
device-camera-unsupported = browser without camera
device-microphone-off = microphone off
device-microphone-silent = microphone silent
device-microphone-blocked = microphone blocked
device-microphone-in_use = microphone in use elsewhere
device-microphone-absent = no microphone
device-microphone-unsupported = browser without microphone
device-calls-no_udp = no way for calls (UDP)
device-calls-no_codec = browser cannot send sound or picture
device-calls-unsupported = browser cannot lead calls
device-network-good = good network
device-network-fair = fair network
device-network-slow = slow network
wait-long = Waits long
wait-very-long = Waits very long
state-new = New
state-confirmed = Confirmed
alert-arrived = { $count ->
    [one] one new patient waits
   *[other] { $count } new patients wait
}
alert-look = Look
alert-seen = I have seen it
alert-allow = Turn on sound and desktop notices
confirm-title = Is this whom you want to call in?
confirm-hint = Compare name and answers with your list before you call in.
confirm-yes = Yes, call in
queue-name = Name
queue-waiting = Waiting
queue-state = State
queue-details = Details
queue-language = Language
queue-actions = Actions
state-waiting = Waiting
state-called = Called
state-in_consultation = In consultation
state-on_hold = Paused
state-away = Not connected
path-good = Good connection
path-fair = Fair connection
path-poor = Poor connection
action-call-in = Call in
action-call-in-named = Call in { $name }
action-join = Join
action-join-named = Join { $name }
action-refuse = Refuse
action-refuse-named = Refuse { $name }
action-return = Back to waiting
action-return-named = Send { $name } back to waiting
action-hold = Pause visit
action-hold-named = Pause the visit of { $name }, who waits in private meanwhile
action-resume = Resume visit
action-resume-named = Resume the visit of { $name }
action-hand-over = Hand over
action-hand-over-named = Hand { $name } over to a colleague
choose-colleague = Colleague
action-transfer = Transfer
action-transfer-named = Transfer { $name } to another clinic
choose-clinic = Clinic
queue-came-from = from { $clinic }
action-to-my-room = To my room
action-to-my-room-named = Call { $name } into my room
action-add = Add
add-patient = Add a patient who waits
guest-arrived = { $name } is knocking
guests-title = Guests in consultations
guests-knocking = Guests who knock
guest-knocks = is knocking
guest-away = was knocking, and is not connected
guest-admit = Let in
guest-admit-named = Let { $name } in
guest-refuse = Turn away
guest-refuse-named = Turn { $name } away
guest-revoke = Take the link back
guest-revoke-named = Take the link of { $name } back
guest-invite = Invite a guest
guest-links = Guest links ({ $count })
guest-state-invited = not used yet
guest-state-admitted = was let in
guest-state-refused = was turned away
guest-state-removed = was put out
guest-state-left = has left
guest-made-by = by { $name }, good until { $until }
guest-label = What you know this link by (no name needed)
guest-good-for = Good for
guest-hours = { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
}
guest-make-link = Make the link
guest-link-once = The link is shown only now. It works once, for one person.
refusal-not-running = That consultation does not run just now.
refusal-locked = The room is locked: nobody new comes in.
refusal-too-many-links = There are too many guest links. Take back those that nobody needs.
refusal-not-open = That clinic takes nobody just now.
action-message = Message
action-message-named = Write to { $name }
message-all = Message to all who wait
told-all = { $count ->
    [one] One patient has been told.
   *[other] { $count } patients have been told.
}
write-ready = Choose a text
write-own = Own words
write-text = Message
write-reason = What the patient will read (if you like)
write-message = Send
write-refuse = Refuse now
queue-priority = Priority
queue-priority-of = Priority of { $name }
action-end = End
action-end-named = End the visit of { $name }
refusal-confirm-first = This clinic wants you to confirm whom you call. Look at name and answers of { $name } again.
refusal-full = There is no room for another call just now. { $name } keeps the place and has been told; please try again soon.
refusal-taken = { $by } was faster and has seen to { $name }.
refusal-too-fast = The clinic has sent many messages just now. Please wait a minute.
refusal-choose-again = What there is to choose from has changed. Please choose again.
refusal-gone = { $name } is not waiting any more.
refusal-one-moment = The service did not answer. Please try again in a moment.
somebody = a colleague
patient-link = Link for patients
share-title = QR code, and a button for your website
qr-label = QR code of the link for patients
button-label = Video consultation: { $clinic }
button-code = HTML of the button
prefill-hint = What stands behind the # fills in the form and is never sent to a server before the patient enters:
copy = Copy
copied = Copied
rooms-title = Rooms
room-meeting = Meeting room
room-user = Your room
room-occupancy = { $count } of { $max }
room-locked = locked
room-names = Who is in the room
room-enter = Enter
after-ended-title = The call has ended
after-ended-hint = Everybody has left.
after-removed-title = You were removed from the call
after-removed-hint = Ask a colleague if that was a mistake.
after-replaced-title = You joined from elsewhere
after-replaced-hint = The call goes on in your other tab or on your other device.
after-full-title = This room is full
after-full-hint = As many people are in the call as it can take. Try again when somebody has left.
after-locked-title = This call is locked
after-locked-hint = Nobody new can join it now. Ask somebody in the call to unlock it.
after-not_found-title = There is no such call
after-not_found-hint = It has ended, or it is not yours to join.
after-failed-title = We could not start the call
after-failed-hint = Please try again. If it happens once more, use another browser.
